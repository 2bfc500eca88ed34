package web

import (
	"time"

	"github.com/betanet/betanet_exporter/internal/fleet"
)

// Alive reports whether collecting goes on: whether /health does not say
// unhealthy. What upstreams do has no part in it.
func Alive(views []*fleet.View, now time.Time) bool { return health(views, now) != healthUnhealthy }
