package poll

import (
	"context"
	"errors"
	"time"
)

// leash is a context for attempts that are made one after the other. A context
// and a timer for each of them would be a tenth of the work of a collection.
type leash struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	timer  *time.Timer
}

var errLeashDone = errors.New("the attempt is over")

// hold is the context of the next attempt, which ends after d or with the parent:
// its cause is then context.DeadlineExceeded or the parent's. The caller lets go
// of it before the next.
func (l *leash) hold(parent context.Context, d time.Duration) context.Context {
	if l.ctx != nil {
		l.timer.Reset(d)
		return l.ctx
	}
	ctx, cancel := context.WithCancelCause(parent)
	l.ctx, l.cancel = ctx, cancel
	l.timer = time.AfterFunc(d, func() { cancel(context.DeadlineExceeded) })
	return ctx
}

// release ends an attempt. What has run out is not used again.
func (l *leash) release() {
	if !l.timer.Stop() {
		l.end()
	}
}

// end frees what the leash holds.
func (l *leash) end() {
	if l.ctx != nil {
		l.timer.Stop()
		l.cancel(errLeashDone)
		*l = leash{}
	}
}
