module github.com/betanet/betanet_exporter/test

go 1.26.8

require go.yaml.in/yaml/v3 v3.0.6
