package otlp

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net"
)

// stable removes the local port and the time of day from a connection error, so that
// failures with the same reason have the same text.
func stable(err error) error {
	var (
		expired x509.CertificateInvalidError
		name    *net.DNSError
		op      *net.OpError
	)
	switch {
	case errors.As(err, &expired) && expired.Reason == x509.Expired:
		return errors.New("x509: certificate has expired or is not yet valid")
	case errors.As(err, &name) && name.IsTimeout:
		return fmt.Errorf("lookup %s: no answer in time", name.Name)
	case errors.As(err, &op) && op.Source != nil && op.Op != "dial":
		return op.Err
	default:
		return err
	}
}
