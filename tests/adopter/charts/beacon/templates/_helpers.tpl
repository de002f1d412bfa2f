{{- define "beacon.name" -}}
{{ .Release.Name }}-beacon
{{- end }}
