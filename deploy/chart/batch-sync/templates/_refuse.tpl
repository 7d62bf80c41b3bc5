{{/* What the schema cannot see: values that do not fit each other. Included by server.yaml, which is always rendered. */}}
{{- define "batch-sync.refuse" -}}
{{- $v := .Values -}}
{{- $s := $v.settings -}}
{{- $keys := $v.secrets.keys -}}
{{- if not $v.image.repository }}
{{- fail "image.repository is not set: push the images of deploy/Dockerfile to a registry of yours, and name it" }}
{{- end }}
{{- if not $v.secrets.existingSecret }}
{{- fail "secrets.existingSecret is not set: make a Secret with REDIS_URL and the credentials of Salesforce, and name it" }}
{{- end }}
{{- if not $keys.REDIS_URL }}
{{- fail "secrets.keys.REDIS_URL is not set: it names the key of the Secret that holds the URL of Redis" }}
{{- end }}
{{- if not $keys.API_TOKEN }}
{{- fail "secrets.keys.API_TOKEN is not set: a server that others can reach needs a token" }}
{{- end }}
{{- if and (not $s.SALESFORCE_LOGIN_URL) (not $keys.SALESFORCE_ACCESS_TOKEN) }}
{{- fail "settings.SALESFORCE_LOGIN_URL is not set, such as https://DOMAIN.my.salesforce.com" }}
{{- end }}
{{- if and (not $s.AZURE_STORAGE_ACCOUNT_URL) (not $keys.AZURE_STORAGE_CONNECTION_STRING) }}
{{- fail "set settings.AZURE_STORAGE_ACCOUNT_URL (to sign in through Entra ID), or secrets.keys.AZURE_STORAGE_CONNECTION_STRING" }}
{{- end }}
{{- $grace := $s.HTTP_SHUTDOWN_GRACE | default "10s" | trimSuffix "s" | int }}
{{- if lt (int $v.server.terminationGracePeriodSeconds) (add $grace 5) }}
{{- fail (printf "server.terminationGracePeriodSeconds is %d: with HTTP_SHUTDOWN_GRACE of %d s it has to be %d or more, or runs are not released" (int $v.server.terminationGracePeriodSeconds) $grace (add $grace 5)) }}
{{- end }}
{{- $grace = $s.CONSUMER_SHUTDOWN_GRACE | default "25s" | trimSuffix "s" | int }}
{{- if lt (int $v.consumer.terminationGracePeriodSeconds) (add $grace 10) }}
{{- fail (printf "consumer.terminationGracePeriodSeconds is %d: with CONSUMER_SHUTDOWN_GRACE of %d s it has to be %d or more, or batches are not released" (int $v.consumer.terminationGracePeriodSeconds) $grace (add $grace 10)) }}
{{- end }}
{{- if and $v.workloadIdentity.enabled $v.serviceAccount.create (not (index $v.serviceAccount.annotations "azure.workload.identity/client-id")) }}
{{- fail "workloadIdentity needs serviceAccount.annotations.azure.workload.identity/client-id, or a ServiceAccount of yours (create: false) that has it" }}
{{- end }}
{{- if and $v.loads.existingConfigMap (or $v.loads.toml $v.loads.mappings) }}
{{- fail "loads.existingConfigMap stands for loads.toml and loads.mappings: set it, or them" }}
{{- end }}
{{- if $v.autoscaling.enabled }}
{{- if and (eq (int $v.autoscaling.minReplicas) 0) (eq (int $v.server.replicas) 0) }}
{{- fail "autoscaling.minReplicas is 0 and so is server.replicas: nobody would notice when the hold of a run ends; set one of them to 1" }}
{{- end }}
{{- if and $v.autoscaling.maxReplicas (lt (int $v.autoscaling.maxReplicas) (int $v.autoscaling.minReplicas)) }}
{{- fail "autoscaling.maxReplicas is less than autoscaling.minReplicas" }}
{{- end }}
{{- if and (eq $v.autoscaling.trigger "redis") (not $v.autoscaling.redis.addresses) }}
{{- fail "autoscaling.redis.addresses is not set: the host:port of Redis, where KEDA looks (or autoscaling.trigger: api)" }}
{{- end }}
{{- if and (eq $v.autoscaling.trigger "redis") (eq $v.autoscaling.redis.kind "sentinel") (not $v.autoscaling.redis.sentinelMaster) }}
{{- fail "autoscaling.redis.sentinelMaster is not set: the name of the master" }}
{{- end }}
{{- if and (eq $v.autoscaling.trigger "redis") (eq ($s.REDIS_AUTH | default "" | toString) "entra") }}
{{- fail "KEDA cannot ask a Redis with REDIS_AUTH=entra; set autoscaling.trigger: api" }}
{{- end }}
{{- if and (eq $v.autoscaling.trigger "api") (eq (int $v.server.replicas) 0) }}
{{- fail "autoscaling.trigger is api, and there is no server to ask: set server.replicas" }}
{{- end }}
{{- end }}
{{- if and $v.ingress.enabled (not $v.ingress.host) }}
{{- fail "ingress.host is not set: the server answers only to names that it knows" }}
{{- end }}
{{- if and $v.metrics.podMonitor.enabled $v.networkPolicy.enabled (not $v.networkPolicy.metricsFrom) }}
{{- fail "metrics.podMonitor needs networkPolicy.metricsFrom: where Prometheus is, such as [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: monitoring}}}]" }}
{{- end }}
{{- range $name, $_ := $v.schedules }}
{{- if gt (len (printf "%s-%s" (include "batch-sync.name" $) $name)) 52 }}
{{- fail (printf "schedules.%s: with the name of the release this name is longer than the 52 characters of a CronJob" $name) }}
{{- end }}
{{- end }}
{{- end -}}
