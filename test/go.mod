module github.com/betanet/betanet_exporter/test

go 1.26.8

require (
	github.com/chromedp/cdproto v0.159.0
	github.com/chromedp/chromedp v0.23.0
	go.yaml.in/yaml/v3 v3.0.6
)

require (
	github.com/betanet/betanet_exporter v0.0.0-00010101000000-000000000000
	github.com/go-json-experiment/json v1.27.2 // indirect
)

replace github.com/betanet/betanet_exporter => ../
