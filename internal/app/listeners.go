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

// listeners are where the exporter can be asked.
type listeners struct {
	listeners []net.Listener
	access    web.Access     // to those
	health    []net.Listener // of an orchestrator, without access control; empty for none
}

// maxProbes is how many connections the listener for probes has, out of the
// process's own files.
const maxProbes = 16

// openListeners opens the sockets. Errors name the option. The web configuration file
// was checked when the configuration was loaded.
func openListeners(c *config.Web, n Network) (*listeners, error) {
	access, err := web.ReadAccess(c.ConfigFile)
	if err != nil {
		return nil, fmt.Errorf("--web.config.file: %s: %w", c.ConfigFile, err)
	}
	d := &listeners{access: access}
	flag := "--web.listen-address"
	if c.SystemdSocket {
		flag = "--web.systemd-socket"
	}
	if d.listeners, err = web.Listen(n.Listen, c.ListenAddresses, c.SystemdSocket); err != nil {
		return nil, fmt.Errorf("%s: %w%s", flag, err, listenHint(err))
	}
	if c.HealthAddress != "" {
		if d.health, err = web.Listen(n.Listen, []string{c.HealthAddress}, false); err != nil {
			d.close()
			return nil, fmt.Errorf("--web.health-address: %w%s", err, listenHint(err))
		}
	}
	return d, nil
}

// close closes the sockets that are still open.
func (d *listeners) close() {
	for _, l := range slices.Concat(d.listeners, d.health) {
		l.Close()
	}
}

// listenHint returns the usual cause of an error of listening and what to do, to
// be added to it.
func listenHint(err error) string {
	switch {
	case errors.Is(err, syscall.EADDRINUSE) && strings.Contains(err.Error(), ":9200:"):
		return "; often that is Elasticsearch, which uses port 9200 too, or this exporter a second time: use another address, such as :9201, or stop the other program"
	case errors.Is(err, syscall.EADDRINUSE):
		return "; another program listens there: use another address, or stop that program"
	case errors.Is(err, syscall.EACCES):
		return "; use a port from 1024 on, or give the program the capability CAP_NET_BIND_SERVICE"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return "; this machine does not have the address: use one that it has, or only a port, such as :9200"
	default:
		return ""
	}
}

// url is where to look, "" if no browser can.
func (d *listeners) url() string { return lookAt(d.access.Scheme, d.listeners[0].Addr()) }

// announce says where to look, and who may.
func (d *listeners) announce(telemetryPath string, log *slog.Logger) {
	for _, l := range d.health {
		log.Info("Serving probes", "health", lookAt("http", l.Addr())+"/health")
	}
	for _, l := range d.listeners {
		where := []any{"socket", l.Addr(), "metrics", telemetryPath, "status", "/"}
		if url := lookAt(d.access.Scheme, l.Addr()); url != "" {
			where = []any{"metrics", url + telemetryPath, "status", url + "/"}
		}
		log.Info("Serving", where...)
		if d.access.Open(l.Addr()) {
			log.Warn("Anybody who reaches this address may read everything, see --web.config.file for passwords and TLS", "address", l.Addr())
		}
	}
}

// lookAt is the address of a listener as a browser on this machine takes it, ""
// if that is none for browsers, such as a Unix socket of systemd's.
func lookAt(scheme string, a net.Addr) string {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return ""
	}
	at := url.URL{Scheme: scheme, Host: tcp.String()}
	if tcp.IP.IsUnspecified() {
		at.Host = net.JoinHostPort("localhost", strconv.Itoa(tcp.Port))
	}
	return at.String()
}
