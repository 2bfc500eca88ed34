package betanet

import "github.com/prometheus/common/config"

// HTTPConfig is what an operator says about connections to an upstream:
// credentials, TLS, proxy and headers. Its redirects and HTTP/2 are off here,
// whatever it says.
type HTTPConfig = config.HTTPClientConfig
