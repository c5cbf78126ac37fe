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
{{- include "practicum.repository" $ }}
{{- if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end -}}
{{- end -}}
{{- end }}

{{/* The operator's repository as it reads on the mirror; Settings.mirrored does the same to labs' images. */}}
{{- define "practicum.repository" -}}
{{- $name := .Values.image.repository -}}
{{- $mirror := trimSuffix "/" .Values.imageMirror -}}
{{- if or (not $mirror) (hasPrefix (printf "%s/" $mirror) $name) -}}
{{ $name }}
{{- else if not (contains "/" $name) -}}
{{ $mirror }}/docker.io/library/{{ $name }}
{{- else if or (eq (splitList "/" $name | first) "localhost") (regexMatch "^[^/]*[.:]" $name) -}}
{{ $mirror }}/{{ $name }}
{{- else -}}
{{ $mirror }}/docker.io/{{ $name }}
{{- end -}}
{{- end }}

{{/* Every pod of the chart keeps to Pod Security "restricted". */}}
{{- define "practicum.podSecurity" -}}
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 1000
  runAsGroup: 1000
  seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "practicum.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end }}

{{/* Where pods may go, and how they are pulled. */}}
{{- define "practicum.placement" -}}
{{- range $field := list "imagePullSecrets" "nodeSelector" "tolerations" "priorityClassName" }}
{{- with index $.Values $field }}
{{ dict $field . | toYaml }}
{{- end }}
{{- end }}
{{- end }}

{{/* A pod that runs once for a Helm hook: the operator's image under an account. */}}
{{- define "practicum.once" -}}
serviceAccountName: {{ .account }}
restartPolicy: Never
{{ include "practicum.podSecurity" .root }}
{{- include "practicum.placement" .root }}
containers:
  - name: {{ .name }}
    image: {{ include "practicum.image" .root | quote }}
    imagePullPolicy: {{ .root.Values.image.pullPolicy }}
    command:
      {{- toYaml .command | nindent 6 }}
    resources:
      requests: {cpu: 10m, memory: 96Mi}
      limits: {memory: 256Mi}
    {{- include "practicum.containerSecurity" .root | nindent 4 }}
    volumeMounts:
      - {name: tmp, mountPath: /tmp}
volumes:
  - name: tmp
    emptyDir: {sizeLimit: 16Mi}
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

{{/* The same for API Priority and Fairness, whose subjects are of another form. */}}
{{- define "practicum.flowSubject" -}}
- kind: ServiceAccount
  serviceAccount:
    name: practicum
    namespace: {{ .Release.Namespace }}
{{- end }}

{{- define "practicum.testHook" -}}
helm.sh/hook: test
helm.sh/hook-weight: {{ . | quote }}
helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded,hook-failed
{{- end }}
