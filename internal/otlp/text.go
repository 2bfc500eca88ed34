package otlp

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net"
)

// stable returns an error of a connection without what differs each time: the
// port that the connection happens to have, and the time of day. Two failures for
// the same reason have the same text.
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
