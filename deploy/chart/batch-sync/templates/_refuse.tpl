{{/* What the schema cannot see: values that do not fit each other. Included by server.yaml, which is always rendered. */}}
{{- define "batch-sync.refuse" -}}
{{- $v := .Values -}}
{{- $s := $v.settings -}}
{{- $keys := $v.secrets.keys -}}
{{- if not (regexMatch "^[a-z][-a-z0-9]*$" .Release.Name) }}
{{- fail (printf "the release is called %q, and its name becomes that of a Service: it has to begin with a letter, and may have small letters, digits and - (no dot); call it otherwise" .Release.Name) }}
{{- end }}
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
{{- if and $v.workloadIdentity.enabled $v.serviceAccount.create (not (index ($v.serviceAccount.annotations | default dict) "azure.workload.identity/client-id")) }}
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
{{- if and $v.ca.configMap $v.ca.secret }}
{{- fail "ca.configMap and ca.secret are both set: the certificates are in one of them" }}
{{- end }}
{{- range $name, $of := $v.schedules }}
{{- include "batch-sync.refuseSchedule" (dict "name" $name "of" $of) }}
{{- if gt (len (printf "%s-%s" (include "batch-sync.name" $) $name)) 52 }}
{{- fail (printf "schedules.%s: with the name of the release this name is longer than the 52 characters of a CronJob" $name) }}
{{- end }}
{{- end }}
{{- end -}}

{{/* What Kubernetes would refuse as a CronJob's time, or never start: https://pkg.go.dev/github.com/robfig/cron/v3 reads it there. */}}
{{- define "batch-sync.refuseSchedule" -}}
{{- $month := "(0*([1-9]|1[0-2])|(?i:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec))" -}}
{{- $weekday := "(0*[0-6]|(?i:sun|mon|tue|wed|thu|fri|sat))" -}}
{{- $fields := list -}}
{{- range list "0*[1-5]?[0-9]" "0*(1?[0-9]|2[0-3])" "0*([1-9]|[12][0-9]|3[01])" $month $weekday }}
{{- $one := printf "([*?]|(%s)(-(%s))?)(/0*[1-9][0-9]*)?" . . }}
{{- $fields = append $fields (printf "%s(,%s)*" $one $one) }}
{{- end }}
{{- $every := "@every ([0-9]+(\\.[0-9]+)?(h|m|s|ms))+" -}}
{{- $named := "@(yearly|annually|monthly|weekly|daily|midnight|hourly)" -}}
{{- if not (regexMatch (printf "^\\s*(%s|%s|%s)\\s*$" (join "\\s+" $fields) $named $every) .of.schedule) }}
{{- fail (printf "schedules.%s.schedule is %q: write minute, hour, day of the month, month and day of the week (0 to 6, 0 is Sunday), such as \"15 2 * * *\", or @daily; a time zone goes into timeZone" .name .of.schedule) }}
{{- end }}
{{- $numbers := .of.schedule | lower }}
{{- range $number, $names := list (list "sun") (list "mon" "jan") (list "tue" "feb") (list "wed" "mar") (list "thu" "apr") (list "fri" "may") (list "sat" "jun") (list "jul") (list "aug") (list "sep") (list "oct") (list "nov") (list "dec") }}
{{- range $names }}{{ $numbers = $numbers | replace . (toString $number) }}{{ end }}
{{- end }}
{{- range regexFindAll "[0-9]+-[0-9]+" $numbers -1 }}
{{- if gt (splitList "-" . | first | atoi) (splitList "-" . | last | atoi) }}
{{- fail (printf "schedules.%s.schedule is %q: %s ends before it begins; write two ranges with a comma" $.name $.of.schedule .) }}
{{- end }}
{{- end }}
{{- if not (regexMatch "^([A-Za-z][-+_A-Za-z0-9]*(/[-+_A-Za-z0-9]+){0,2})?$" (.of.timeZone | default "")) }}
{{- fail (printf "schedules.%s.timeZone is %q: write the name of a time zone, such as Europe/Berlin" .name .of.timeZone) }}
{{- end }}
{{- if eq (.of.timeZone | default "" | lower) "local" }}
{{- fail (printf "schedules.%s.timeZone is %q, which Kubernetes refuses: write the name of a time zone, such as Europe/Berlin" .name .of.timeZone) }}
{{- end }}
{{- end -}}
