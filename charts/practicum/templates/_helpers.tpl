{{/* Names are fixed, not made of the release's: the operator knows them, and a cluster has one Practicum. */}}

{{- define "practicum.labels" -}}
app.kubernetes.io/name: practicum
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "practicum.selector" -}}
app.kubernetes.io/name: practicum
app.kubernetes.io/component: operator
{{- end }}

{{- define "practicum.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end -}}
{{- end -}}
{{- end }}

{{/* The operator as the subject of a binding. */}}
{{- define "practicum.subject" -}}
- kind: ServiceAccount
  name: practicum
  namespace: {{ .Release.Namespace }}
{{- end }}

{{- define "practicum.username" -}}
system:serviceaccount:{{ .Release.Namespace }}:practicum
{{- end }}

{{/* A map as a JSON object of strings: prices may be written as numbers. */}}
{{- define "practicum.strings" -}}
{{- $strings := dict -}}
{{- range $key, $value := . }}{{ $_ := set $strings $key (toString $value) }}{{ end -}}
{{- toJson $strings -}}
{{- end }}
