{{/* The name of all objects. With the longest suffix it must stay below 63 characters. */}}
{{- define "betanet.name" -}}
{{- if .Values.fullnameOverride -}}
{{ .Values.fullnameOverride }}
{{- else if contains "betanet-exporter" .Release.Name -}}
{{ .Release.Name }}
{{- else -}}
{{ .Release.Name | trunc 46 | trimSuffix "-" }}-betanet-exporter
{{- end -}}
{{- end -}}

{{- define "betanet.selector" -}}
app.kubernetes.io/name: betanet-exporter
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "betanet.labels" -}}
{{ include "betanet.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "betanet.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The exporter's configuration: the value config, plus discovery of the targets file. */}}
{{- define "betanet.config" -}}
{{- $config := deepCopy .Values.config -}}
{{- if .Values.targets -}}
{{- $discovery := $config.discovery | default dict -}}
{{- $files := append ($discovery.files | default list) (dict "paths" (list "/etc/betanet-exporter/targets/*.yml")) -}}
{{- $_ := set $config "discovery" (set $discovery "files" $files) -}}
{{- end -}}
{{- toYaml $config -}}
{{- end -}}

{{- define "betanet.scheme" -}}
{{- if .Values.web.tlsSecret }}https{{ else }}http{{ end -}}
{{- end -}}

{{/* The Secret with web.yml, if there is one. */}}
{{- define "betanet.webSecret" -}}
{{- if .Values.web.existingSecret -}}
{{ .Values.web.existingSecret }}
{{- else if .Values.web.config -}}
{{ include "betanet.name" . }}-web
{{- end -}}
{{- end -}}

{{/* The settings with which Prometheus authenticates. */}}
{{- define "betanet.scrape" -}}
{{- with .Values.web.scrape }}
{{- if .basicAuthSecret }}
basicAuth:
  username: {name: {{ .basicAuthSecret }}, key: username}
  password: {name: {{ .basicAuthSecret }}, key: password}
{{- end }}
{{- if $.Values.web.tlsSecret }}
tlsConfig:
  {{- if .serverName }}
  serverName: {{ .serverName }}
  {{- end }}
  {{- if .caSecret }}
  ca: {secret: {name: {{ .caSecret }}, key: ca.crt}}
  {{- end }}
  {{- if .clientCertSecret }}
  cert: {secret: {name: {{ .clientCertSecret }}, key: tls.crt}}
  keySecret: {name: {{ .clientCertSecret }}, key: tls.key}
  {{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{/* A health check by the kubelet, on the health port if the other port may need a password. */}}
{{- define "betanet.healthCheck" -}}
httpGet: {path: {{ .path }}, port: {{ if include "betanet.webSecret" .root }}health{{ else }}metrics{{ end }}}
{{- end -}}

{{/* The names of the upstreams in the configuration, as the exporter derives them. */}}
{{- define "betanet.upstreams" -}}
{{- $names := list -}}
{{- range .Values.config.upstreams -}}
{{- $names = append $names (.name | default (include "betanet.address" (.url | default (first (.replicas | default (list "")))))) -}}
{{- end -}}
{{- toYaml $names -}}
{{- end -}}

{{/* The host and port of a URL, with the default port of its scheme. */}}
{{- define "betanet.address" -}}
{{- $url := urlParse . -}}
{{- if regexMatch ":[0-9]+$" $url.host -}}
{{ $url.host }}
{{- else if eq $url.scheme "https" -}}
{{ $url.host }}:443
{{- else -}}
{{ $url.host }}:80
{{- end -}}
{{- end -}}

{{/* The ports that the exporter connects to: the ports in the configuration and networkPolicy.ports. */}}
{{- define "betanet.ports" -}}
{{- $ports := list -}}
{{- if not .Values.existingConfigSecret -}}
{{- $discovery := .Values.config.discovery | default dict -}}
{{- $urls := list -}}
{{- range .Values.config.upstreams }}{{ $urls = concat $urls (compact (append (.replicas | default list) .url)) }}{{ end -}}
{{- range $discovery.http }}{{ $urls = append $urls .url }}{{ end -}}
{{- range $urls }}{{ $ports = append $ports (include "betanet.address" . | splitList ":" | last | int) }}{{ end -}}
{{- range $discovery.dns }}{{ if ne (.type | default "A") "SRV" }}{{ $ports = append $ports (.port | default 9000 | int) }}{{ end }}{{ end -}}
{{- end -}}
{{- range .Values.networkPolicy.ports }}{{ $ports = append $ports (int .) }}{{ end -}}
{{- $ports | uniq | toYaml -}}
{{- end -}}
