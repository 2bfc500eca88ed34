package app

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/betanet/betanet_exporter/internal/config"
	"github.com/betanet/betanet_exporter/internal/web"
)

// listeners are the open sockets of the exporter.
type listeners struct {
	main   []net.Listener
	access web.Access     // to the main listeners
	health []net.Listener // for health checks by an orchestrator, without access control; may be empty
}

// maxHealthConns limits the connections to the health listeners. They are part of
// ownFiles.
const maxHealthConns = 16

// openListeners opens the sockets. Its errors name the flag.
func openListeners(c *config.Web, n Network) (*listeners, error) {
	access, err := web.ReadAccess(c.ConfigFile)
	if err != nil {
		return nil, fmt.Errorf("--web.config.file: %s: %w", c.ConfigFile, err)
	}
	l := &listeners{access: access}
	flag := "--web.listen-address"
	if c.SystemdSocket {
		flag = "--web.systemd-socket"
	}
	if l.main, err = web.Listen(n.Listen, c.ListenAddresses, c.SystemdSocket); err != nil {
		return nil, fmt.Errorf("%s: %w%s", flag, err, listenHint(err))
	}
	if c.HealthAddress != "" {
		if l.health, err = web.Listen(n.Listen, []string{c.HealthAddress}, false); err != nil {
			l.close()
			return nil, fmt.Errorf("--web.health-address: %w%s", err, listenHint(err))
		}
	}
	return l, nil
}

// close closes the sockets that are still open.
func (l *listeners) close() {
	for _, s := range slices.Concat(l.main, l.health) {
		s.Close()
	}
}

// listenHint returns the usual cause of a listen error and a remedy, as a suffix
// for the error.
func listenHint(err error) string {
	switch {
	case errors.Is(err, syscall.EADDRINUSE) && strings.Contains(err.Error(), ":9200:"):
		return "; port 9200 is often in use by Elasticsearch or by a second exporter: use another address, such as :9201, or stop the other program"
	case errors.Is(err, syscall.EADDRINUSE):
		return "; another program listens there: use another address, or stop that program"
	case errors.Is(err, syscall.EACCES):
		return "; use a port above 1023, or give the program the capability CAP_NET_BIND_SERVICE"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return "; this machine does not have the address: use one of its own, or only a port, such as :9200"
	default:
		return ""
	}
}

// url returns the URL of the first listener for a browser, or "" if it has none.
func (l *listeners) url() string { return browserURL(l.access.Scheme, l.main[0].Addr()) }

// announce logs the URL of each listener, and a warning if it has no access control.
func (l *listeners) announce(telemetryPath string, log *slog.Logger) {
	for _, s := range l.health {
		log.Info("Serving health checks", "health", browserURL("http", s.Addr())+"/health")
	}
	for _, s := range l.main {
		attrs := []any{"socket", s.Addr(), "metrics", telemetryPath, "status", "/"}
		if url := browserURL(l.access.Scheme, s.Addr()); url != "" {
			attrs = []any{"metrics", url + telemetryPath, "status", url + "/"}
		}
		log.Info("Serving", attrs...)
		if l.access.Open(s.Addr()) {
			log.Warn("Anyone who can reach this address can read everything, see --web.config.file for passwords and TLS", "address", s.Addr())
		}
	}
}

// browserURL returns the URL of a listener for a browser on this machine, or "" if
// it has none, such as a Unix socket from systemd.
func browserURL(scheme string, a net.Addr) string {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return ""
	}
	host := tcp.String()
	if tcp.IP.IsUnspecified() {
		host = net.JoinHostPort("localhost", strconv.Itoa(tcp.Port))
	}
	return (&url.URL{Scheme: scheme, Host: host}).String()
}
