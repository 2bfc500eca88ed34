module github.com/betanet/betanet_exporter/test

go 1.26.8
