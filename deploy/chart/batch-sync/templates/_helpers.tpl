{{/* Names, labels, images, and the environment of a program. */}}

{{/* Never cut: of two releases that begin alike, both would have the same names. Helm allows 53 characters. */}}
{{- define "batch-sync.name" -}}
{{ .Release.Name }}
{{- end -}}

{{- define "batch-sync.labels" -}}
app.kubernetes.io/name: batch-sync
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* All pods of the release; with a component those of it. */}}
{{- define "batch-sync.selector" -}}
app.kubernetes.io/name: batch-sync
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- with .component }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end -}}

{{- define "batch-sync.image" -}}
{{- $digest := index .root.Values.image.digests .program -}}
{{- $name := printf "%s/%s" .root.Values.image.repository .program -}}
{{- if $digest }}{{ $name }}@{{ $digest }}{{ else }}{{ $name }}:{{ .root.Values.image.tag | default .root.Chart.AppVersion }}{{ end -}}
{{- end -}}

{{- define "batch-sync.serviceAccount" -}}
{{ .Values.serviceAccount.name | default (include "batch-sync.name" .) }}
{{- end -}}

{{/* The two security contexts together are what the Pod Security Standard "restricted" asks for, and more. */}}
{{- define "batch-sync.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile: {type: RuntimeDefault}
{{- end -}}
{{- define "batch-sync.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
privileged: false
capabilities: {drop: [ALL]}
{{- end -}}

{{/* The secrets of a program that are used, as NAME: key. Only who reads files gets Azure's; only a server the token. */}}
{{- define "batch-sync.secretKeys" -}}
{{- $without := list -}}
{{- if ne .program "server" }}{{ $without = append $without "API_TOKEN" }}{{ end -}}
{{- if has .program (list "consumer" "check") }}{{ $without = append $without "AZURE_STORAGE_CONNECTION_STRING" }}{{ end -}}
{{- range $name, $key := .root.Values.secrets.keys }}
{{- if and $key (not (has $name $without)) }}
{{ $name }}: {{ $key }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "batch-sync.hasLoads" -}}
{{- if or .Values.loads.toml .Values.loads.mappings .Values.loads.existingConfigMap }}true{{ end -}}
{{- end -}}

{{/* Settings as they are written, secrets as files. `program` is server, consumer, schedule or check. */}}
{{- define "batch-sync.env" -}}
{{- range $name, $value := .root.Values.settings }}
{{- if ne ($value | toString) "" }}
- name: {{ $name }}
  value: {{ if kindIs "float64" $value }}{{ $value | int64 | toString | quote }}{{ else }}{{ $value | toString | quote }}{{ end }}
{{- end }}
{{- end }}
{{- range $name, $_ := include "batch-sync.secretKeys" . | fromYaml }}
- name: {{ $name }}_FILE
  value: /etc/batch-sync/secrets/{{ $name }}
{{- end }}
{{- if and (ne .program "consumer") (or .root.Values.loads.toml .root.Values.loads.existingConfigMap) }}
- name: LOADS_FILE
  value: /etc/batch-sync/loads/loads.toml
{{- end }}
{{- if include "batch-sync.hasCa" .root }}
- name: SSL_CERT_FILE
  value: /etc/batch-sync/ca/ca.crt
# Both count together. The file alone would take the place of the public authorities, which the image has here.
- name: SSL_CERT_DIR
  value: /etc/ssl/certs
{{- end }}
{{- with .root.Values.proxy.https }}
- name: HTTPS_PROXY
  value: {{ . | quote }}
{{- end }}
{{- with .root.Values.proxy.noProxy }}
- name: NO_PROXY
  value: {{ . | quote }}
{{- end }}
{{- end -}}

{{- define "batch-sync.hasCa" -}}
{{- if or .Values.ca.configMap .Values.ca.secret }}true{{ end -}}
{{- end -}}

{{/* `of` is what the values say of these pods alone: a part, or a schedule. */}}
{{- define "batch-sync.mounts" -}}
- {name: secrets, mountPath: /etc/batch-sync/secrets, readOnly: true}
{{- if include "batch-sync.hasLoads" .root }}
- {name: loads, mountPath: /etc/batch-sync/loads, readOnly: true}
{{- end }}
{{- if include "batch-sync.hasCa" .root }}
- {name: ca, mountPath: /etc/batch-sync/ca, readOnly: true}
{{- end }}
{{- with .of.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "batch-sync.volumes" -}}
- name: secrets
  secret:
    secretName: {{ .root.Values.secrets.existingSecret }}
    # 0440: for the pod's group alone.
    defaultMode: 288
    items:
      {{- range $name, $key := include "batch-sync.secretKeys" . | fromYaml }}
      - {key: {{ $key | quote }}, path: {{ $name }}}
      {{- end }}
{{- if include "batch-sync.hasLoads" .root }}
- name: loads
  configMap:
    name: {{ .root.Values.loads.existingConfigMap | default (printf "%s-loads" (include "batch-sync.name" .root)) }}
{{- end }}
{{- with .root.Values.ca.configMap }}
- name: ca
  configMap:
    name: {{ . }}
    items: [{key: {{ $.root.Values.ca.key | quote }}, path: ca.crt}]
{{- end }}
{{- with .root.Values.ca.secret }}
- name: ca
  secret:
    secretName: {{ . }}
    # 0440: for the pod's group alone.
    defaultMode: 288
    items: [{key: {{ $.root.Values.ca.key | quote }}, path: ca.crt}]
{{- end }}
{{- with .of.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* A pod starts anew when what it mounts from us has changed: a program reads its files once. */}}
{{- define "batch-sync.podAnnotations" -}}
{{- if and (include "batch-sync.hasLoads" .root) (not .root.Values.loads.existingConfigMap) }}
checksum/loads: {{ .root.Values.loads | toJson | sha256sum }}
{{- end }}
{{- with .more }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Only those that sign in to Azure: whoever reads files, and all when Redis asks for an Entra token. */}}
{{- define "batch-sync.identityLabel" -}}
{{- $redis := eq (.root.Values.settings.REDIS_AUTH | default "" | toString) "entra" -}}
{{- if and .root.Values.workloadIdentity.enabled (or $redis (has .program (list "server" "schedule"))) }}
azure.workload.identity/use: "true"
{{- end }}
{{- end -}}

{{/* Where a pod may run. */}}
{{- define "batch-sync.placement" -}}
topologySpreadConstraints:
{{- with .of.topologySpreadConstraints }}
{{ toYaml . | indent 2 }}
{{- else }}
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{- include "batch-sync.selector" (dict "root" .root "component" .component) | nindent 8 }}
{{- end }}
{{ include "batch-sync.nodes" . }}
{{- end -}}
{{- define "batch-sync.nodes" -}}
{{- with .of.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .of.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .of.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* All names by which the Service is called; others get 403. */}}
{{- define "batch-sync.hosts" -}}
{{- $service := printf "%s-server" (include "batch-sync.name" .) -}}
{{- $own := list $service (printf "%s.%s" $service .Release.Namespace) (printf "%s.%s.svc" $service .Release.Namespace) (printf "%s.%s.svc.cluster.local" $service .Release.Namespace) -}}
{{- concat (.Values.server.allowedHosts | default list) $own (ternary (list .Values.ingress.host) list .Values.ingress.enabled) | uniq | join "," -}}
{{- end -}}

{{/*
The most consumers that the org's limit keeps busy. A consumer holds 12 MiB of rows at most, so that with batches of
full size it makes 12 MiB / BATCH_BYTES_MAX calls at once, and CONSUMER_CONCURRENCY at most. More consumers than that
would share the same calls. Two at least: with one, a dying node would mean a standstill.
*/}}
{{- define "batch-sync.maxReplicas" -}}
{{- $s := .Values.settings -}}
{{- if .Values.autoscaling.maxReplicas -}}
{{ .Values.autoscaling.maxReplicas }}
{{- else -}}
{{- $mayBulk := or (include "batch-sync.hasLoads" .) (ne ($s.SALESFORCE_API | default "collections") "collections") -}}
{{- $bytes := int64 ($s.BATCH_BYTES_MAX | default (ternary 4194304 1048576 (not (not $mayBulk)))) -}}
{{- $own := min (int64 ($s.CONSUMER_CONCURRENCY | default 256)) (max 1 (div 12582912 $bytes)) -}}
{{- $calls := int64 ($s.SALESFORCE_CONCURRENCY_MAX | default 10) -}}
{{ max 2 (div (add $calls (sub $own 1)) $own) (int64 .Values.autoscaling.minReplicas) }}
{{- end -}}
{{- end -}}
