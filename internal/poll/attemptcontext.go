package poll

import (
	"context"
	"errors"
	"time"
)

// attemptContext is a context with a timeout that consecutive attempts share, because
// creating a context and a timer for each would take a tenth of the CPU time of a collection.
type attemptContext struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	timer  *time.Timer
}

var errAttemptDone = errors.New("the attempt is over")

// start returns the context of the next attempt. It is canceled after d with the cause
// context.DeadlineExceeded, or when the parent is, with its cause. The caller must call
// release before the next start.
func (ac *attemptContext) start(parent context.Context, d time.Duration) context.Context {
	if ac.ctx != nil {
		ac.timer.Reset(d)
		return ac.ctx
	}
	ctx, cancel := context.WithCancelCause(parent)
	ac.ctx, ac.cancel = ctx, cancel
	ac.timer = time.AfterFunc(d, func() { cancel(context.DeadlineExceeded) })
	return ctx
}

// release ends an attempt. It discards a context that has timed out.
func (ac *attemptContext) release() {
	if !ac.timer.Stop() {
		ac.end()
	}
}

// end releases the resources of the context.
func (ac *attemptContext) end() {
	if ac.ctx != nil {
		ac.timer.Stop()
		ac.cancel(errAttemptDone)
		*ac = attemptContext{}
	}
}
