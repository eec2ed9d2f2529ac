{{- define "opengrant.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 48 | trimSuffix "-" }}
{{- end }}

{{/* A release that is called opengrant, or opengrant-test, gives its name to the objects as it is. */}}
{{- define "opengrant.fullname" -}}
{{- $name := include "opengrant.name" . }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 48 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 48 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 48 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "opengrant.selector" -}}
app.kubernetes.io/name: {{ include "opengrant.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "opengrant.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "opengrant.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "opengrant.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}
{{- end }}

{{- define "opengrant.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{ .Values.serviceAccount.name | default (include "opengrant.fullname" .) }}
{{- else -}}
{{ .Values.serviceAccount.name | default "default" }}
{{- end }}
{{- end }}

{{/* What the pods depend on: no setting may change it. */}}
{{- define "opengrant.fixed" -}}
OPENGRANT_HOST: 0.0.0.0
OPENGRANT_PORT: "8080"
OPENGRANT_DATA_DIR: /var/lib/opengrant
{{- end }}

{{/* The same for the mail proxy, which only servers have: the certificate is not mounted elsewhere. */}}
{{- define "opengrant.fixedMail" -}}
{{- if .Values.mailProxy.enabled -}}
OPENGRANT_PROXY__HOST: 0.0.0.0
OPENGRANT_PROXY__IMAP_PORT: "1993"
OPENGRANT_PROXY__SMTP_PORT: "1465"
OPENGRANT_PROXY__CERTIFICATE: /etc/opengrant/mail/tls.crt
OPENGRANT_PROXY__KEY: /etc/opengrant/mail/tls.key
{{- end }}
{{- end }}

{{/* The ConfigMap. Numbers of a values file are floats, which would be written as 1.048576e+06: JSON writes 1048576. */}}
{{- define "opengrant.settings" -}}
{{ include "opengrant.fixed" . }}
{{- range $name, $value := .Values.settings }}
{{- if not (kindIs "invalid" $value) }}
{{ $name }}: {{ kindIs "string" $value | ternary $value (toJson $value) | quote }}
{{- end }}
{{- end }}
{{- end }}

{{/* preStop, OPENGRANT_SHUTDOWN_GRACE, and token exchanges whose result would be lost. */}}
{{- define "opengrant.gracePeriod" -}}
{{- add 5 (mul 3 (ceil (float64 (default 30 .Values.settings.OPENGRANT_SHUTDOWN_GRACE)))) }}
{{- end }}

{{/* What Helm has to be told, before it changes anything. */}}
{{- define "opengrant.check" -}}
{{- if not .Values.image.repository }}
{{- fail "image.repository is missing: the image that you built, such as registry.example.com/opengrant." }}
{{- end }}
{{- if not .Values.settings.OPENGRANT_PUBLIC_URL }}
{{- fail "settings.OPENGRANT_PUBLIC_URL is missing: where users and applications reach OpenGrant, such as https://grants.example.com." }}
{{- end }}
{{- range $name := list "OPENGRANT_DATABASE_URL" "OPENGRANT_MASTER_KEYS" "OPENGRANT_BOOTSTRAP_API_KEY" "OTEL_EXPORTER_OTLP_HEADERS" "OTEL_EXPORTER_OTLP_TRACES_HEADERS" }}
{{- if hasKey $.Values.settings $name }}
{{- fail (printf "settings.%s is a secret: give it by existingSecret or secretSettings." $name) }}
{{- end }}
{{- end }}
{{- range $name := concat (include "opengrant.fixed" . | fromYaml | keys) (include "opengrant.fixedMail" . | fromYaml | keys) }}
{{- if hasKey $.Values.settings $name }}
{{- fail (printf "settings.%s is set by the chart: leave it out." $name) }}
{{- end }}
{{- end }}
{{- if not .Values.existingSecret }}
{{- $given := keys .Values.secretSettings }}
{{- range .Values.extraEnv }}
{{- $given = append $given .name }}
{{- end }}
{{- range $name := list "OPENGRANT_DATABASE_URL" "OPENGRANT_MASTER_KEYS" }}
{{- if not (has $name $given) }}
{{- fail (printf "%s is missing: give existingSecret, or secretSettings.%s." $name $name) }}
{{- end }}
{{- end }}
{{- else if .Values.secretSettings }}
{{- fail "existingSecret and secretSettings exclude each other." }}
{{- end }}
{{- if and .Values.mailProxy.enabled (not .Values.mailProxy.certificateSecret) }}
{{- fail "mailProxy.certificateSecret is missing: a Secret of the type kubernetes.io/tls." }}
{{- end }}
{{- end }}

{{/* A Deployment. component: server or work; replicas: none leaves the number to the autoscaler. */}}
{{- define "opengrant.deployment" -}}
{{- $root := .root }}
{{- $values := $root.Values }}
{{- $server := eq .component "server" }}
{{- $mail := and $server $values.mailProxy.enabled }}
{{- $selector := printf "%s\napp.kubernetes.io/component: %s" (include "opengrant.selector" $root) .component }}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .name }}
  labels:
    {{- include "opengrant.labels" $root | nindent 4 }}
    app.kubernetes.io/component: {{ .component }}
spec:
  {{- with .replicas }}
  replicas: {{ . }}
  {{- end }}
  selector:
    matchLabels:
      {{- $selector | nindent 6 }}
  strategy:
    rollingUpdate: {maxSurge: 1, maxUnavailable: 0}
  template:
    metadata:
      labels:
        {{- $selector | nindent 8 }}
        {{- with $values.podLabels }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      annotations:
        # A changed setting replaces the pods.
        checksum/settings: {{ include "opengrant.settings" $root | sha256sum }}
        {{- with $values.secretSettings }}
        checksum/secret: {{ toJson . | sha256sum }}
        {{- end }}
        {{- if not $values.podMonitor.enabled }}
        prometheus.io/scrape: "true"
        prometheus.io/port: "8080"
        prometheus.io/path: /metrics
        {{- end }}
        {{- with $values.podAnnotations }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
    spec:
      serviceAccountName: {{ include "opengrant.serviceAccount" $root }}
      automountServiceAccountToken: false
      enableServiceLinks: false # they would be variables OPENGRANT_SERVICE_HOST …, which are no settings
      {{- with include "opengrant.placement" $root }}
      {{- . | nindent 6 }}
      {{- end }}
      terminationGracePeriodSeconds: {{ include "opengrant.gracePeriod" $root }}
      securityContext:
        {{- toYaml $values.podSecurityContext | nindent 8 }}
      topologySpreadConstraints:
        - maxSkew: 1
          topologyKey: kubernetes.io/hostname
          whenUnsatisfiable: ScheduleAnyway
          labelSelector:
            matchLabels:
              {{- $selector | nindent 14 }}
      containers:
        - name: opengrant
          image: {{ include "opengrant.image" $root | quote }}
          imagePullPolicy: {{ $values.image.pullPolicy }}
          command: [opengrant]
          args: {{ toJson .args }}
          workingDir: /var/lib/opengrant
          envFrom:
            - configMapRef: {name: {{ include "opengrant.fullname" $root }}-settings}
            {{- with include "opengrant.secretRef" (dict "root" $root "name" (include "opengrant.fullname" $root)) }}
            {{- . | nindent 12 }}
            {{- end }}
          {{- if or $mail $values.extraEnv }}
          env:
            {{- if $mail }}
            {{- range $name, $value := include "opengrant.fixedMail" $root | fromYaml }}
            - {name: {{ $name }}, value: {{ $value | quote }}}
            {{- end }}
            {{- end }}
            {{- with $values.extraEnv }}
            {{- toYaml . | nindent 12 }}
            {{- end }}
          {{- end }}
          ports:
            - {name: http, containerPort: 8080}
            {{- if $mail }}
            - {name: imap, containerPort: 1993}
            - {name: smtp, containerPort: 1465}
            {{- end }}
          startupProbe:
            httpGet: {path: /healthz, port: http}
            periodSeconds: 2
            failureThreshold: 30
          livenessProbe:
            httpGet: {path: /healthz, port: http}
            periodSeconds: 10
            timeoutSeconds: 5
            failureThreshold: 6
          readinessProbe:
            httpGet: {path: /readyz, port: http}
            periodSeconds: 5
            timeoutSeconds: 5
          {{- if $server }}
          lifecycle:
            preStop:
              sleep: {seconds: 5} # until the Service no longer sends requests here
          {{- end }}
          resources:
            {{- toYaml .resources | nindent 12 }}
          securityContext:
            {{- toYaml $values.securityContext | nindent 12 }}
          volumeMounts:
            - {name: data, mountPath: /var/lib/opengrant}
            - {name: tmp, mountPath: /tmp}
            {{- if $mail }}
            - {name: mail, mountPath: /etc/opengrant/mail, readOnly: true}
            {{- end }}
            {{- with $values.extraVolumeMounts }}
            {{- toYaml . | nindent 12 }}
            {{- end }}
      volumes:
        # Tokens that could not be written while the database was away; it outlives restarts of the container.
        - name: data
          emptyDir: {sizeLimit: 1Gi}
        - name: tmp
          emptyDir: {medium: Memory, sizeLimit: 64Mi}
        {{- if $mail }}
        - name: mail
          secret: {secretName: {{ $values.mailProxy.certificateSecret }}, defaultMode: 0440}
        {{- end }}
        {{- with $values.extraVolumes }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
{{- end }}

{{/* Where a pod may run. */}}
{{- define "opengrant.placement" -}}
{{- $placement := pick .Values "imagePullSecrets" "priorityClassName" "nodeSelector" "tolerations" "affinity" }}
{{- range $name, $value := $placement }}
{{- if not $value }}
{{- $_ := unset $placement $name }}
{{- end }}
{{- end }}
{{- with $placement }}
{{- toYaml . }}
{{- end }}
{{- end }}

{{/* The Secret: the one that there is, or the one of the chart, which is called name. */}}
{{- define "opengrant.secretRef" -}}
{{- if .root.Values.existingSecret -}}
- secretRef: {name: {{ .root.Values.existingSecret }}}
{{- else if .root.Values.secretSettings -}}
- secretRef: {name: {{ .name }}}
{{- end }}
{{- end }}
