package config

// proxyText documents the keys that set a proxy.
const proxyText = `
## Proxies

Upstreams are asked directly, whatever the environment contains: ` + "`HTTP_PROXY`" + `,
` + "`HTTPS_PROXY`" + ` and ` + "`NO_PROXY`" + ` have no effect on them by themselves. These keys of
` + "`http_client`" + ` set a proxy:

| key | meaning |
|---|---|
| ` + "`proxy_url`" + ` | the proxy: ` + "`http`" + `, ` + "`https`" + `, ` + "`socks5`" + ` or ` + "`socks5h`" + `, with user and password if it wants them |
| ` + "`no_proxy`" + ` | with ` + "`proxy_url`" + `: what is asked directly all the same, separated by commas: addresses, CIDR ranges, names with their subdomains (` + "`.example`" + ` for the subdomains only), each with an optional port, or ` + "`*`" + ` |
| ` + "`proxy_from_environment`" + ` | ` + "`true`" + ` instead of the two above: ` + "`HTTP_PROXY`" + ` for ` + "`http://`" + ` upstreams, ` + "`HTTPS_PROXY`" + ` for ` + "`https://`" + ` ones, and ` + "`NO_PROXY`" + `, in upper or lower case |
| ` + "`proxy_connect_header`" + ` | headers that the proxy gets with CONNECT |

With ` + "`no_proxy`" + ` or ` + "`proxy_from_environment`" + `, ` + "`localhost`" + ` and loopback addresses are
always asked directly; with ` + "`proxy_url`" + ` only, they are asked through the proxy.

An HTTP proxy is asked with CONNECT for an ` + "`https://`" + ` upstream; if it refuses, the reason
of the failure is ` + "`proxy`" + `. A request to an ` + "`http://`" + ` upstream is sent to the proxy itself,
so that a refusal of the proxy looks like an answer of the upstream.

The document of a ` + "`discovery.http`" + ` source has the same keys in its ` + "`source_http_client`" + `.
The targets of ` + "`probe.allow`" + ` are always asked directly. A push by OTLP uses the variables
([OTLP](otlp.md#settings)).
`
