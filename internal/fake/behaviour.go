package fake

import (
	"sync"
	"time"
)

// CutAfter sends b, which may be empty, and closes the connection with a FIN.
func CutAfter(b []byte) Behaviour {
	return func(x *Exchange) { x.Write(b) }
}

// ResetAfter sends b, which may be empty, and resets the connection.
func ResetAfter(b []byte) Behaviour {
	return func(x *Exchange) {
		x.Write(b)
		x.Reset()
	}
}

// HangAfter sends b, which may be empty, and leaves the client waiting.
func HangAfter(b []byte) Behaviour {
	return func(x *Exchange) {
		x.Write(b)
		x.Hold()
	}
}

// Drip sends b one byte at a time with a pause before each and keeps the connection open. Each byte is
// scheduled relative to the start, so that timer delays on a busy machine do not add up.
func Drip(b []byte, pause time.Duration) Behaviour {
	return func(x *Exchange) {
		start := time.Now()
		for i := range b {
			if !x.Pause(time.Until(start.Add(time.Duration(i+1)*pause))) || !x.Write(b[i:i+1]) {
				return
			}
		}
		x.Keep()
	}
}

// Split sends head, pauses, sends tail and keeps the connection open. A tail after a complete response is unsolicited.
func Split(head []byte, pause time.Duration, tail []byte) Behaviour {
	return func(x *Exchange) {
		if x.Write(head) && x.Pause(pause) && x.Write(tail) {
			x.Keep()
		}
	}
}

// Late behaves like b after a delay.
func Late(delay time.Duration, b Behaviour) Behaviour {
	return func(x *Exchange) {
		if x.Pause(delay) {
			b(x)
		}
	}
}

// Endless sends head and then repeats piece until the client hangs up.
func Endless(head, piece []byte) Behaviour {
	return func(x *Exchange) {
		for ok := x.Write(head); ok; ok = x.Write(piece) {
		}
	}
}

// ThenClose behaves like b and closes the connection without announcing it, as the real mixnodes server does.
func ThenClose(b Behaviour) Behaviour {
	return func(x *Exchange) {
		b(x)
		x.keep = false
	}
}

// ThenReset behaves like b and resets the connection.
func ThenReset(b Behaviour) Behaviour {
	return func(x *Exchange) {
		b(x)
		x.Reset()
		x.keep = false
	}
}

// InTurn responds to the nth request with the nth behaviour, and to all further requests with the last one.
func InTurn(behaviours ...Behaviour) Behaviour {
	var mu sync.Mutex
	next := 0
	return func(x *Exchange) {
		mu.Lock()
		b := behaviours[next]
		next = min(next+1, len(behaviours)-1)
		mu.Unlock()
		b(x)
	}
}
