{{/* A lab's namespaces, by the labels that only the operator sets. */}}
{{- define "practicum.policy.labs" -}}
matchLabels:
  app.kubernetes.io/managed-by: practicum
matchExpressions:
  - {key: practicum.dev/lab-uid, operator: Exists}
{{- end }}

{{/*
Leaves the rest of the cluster alone: controllers, kubelets, storage drivers, administrators. Their
identities differ between clusters, what they may do does not: whoever may do the same thing in
kube-system is part of the cluster, and no learner is ever bound there. Authorizer checks are dear
(a third of an expression's budget each), so there are never more than two.
*/}}
{{- define "practicum.policy.outsiders" -}}
- name: not-the-operator
  expression: request.userInfo.username != '{{ include "practicum.username" . }}'
- name: not-the-cluster
  expression: >-
    !(request.operation == 'UPDATE'
    ? authorizer.requestResource.namespace('kube-system').name('').check('update').allowed() ||
    authorizer.requestResource.namespace('kube-system').name('').check('patch').allowed()
    : authorizer.requestResource.namespace('kube-system').name('')
    .check(request.operation == 'DELETE' ? 'delete' : 'create').allowed())
{{- end }}

{{/* Metadata that controllers copy from this object to others: of pods, jobs and volume claims. */}}
{{- define "practicum.policy.copied" -}}
- name: spec
  expression: >-
    object != null && request.resource.group in ['', 'apps', 'batch'] ? object.?spec.orValue({}) : {}
- name: podTemplate
  expression: >-
    variables.spec.?jobTemplate.?spec.?template.orValue(variables.spec.?template.orValue({}))
- name: copied
  expression: >-
    [variables.spec.?jobTemplate.?metadata.orValue({}), variables.podTemplate.?metadata.orValue({})] +
    variables.spec.?volumeClaimTemplates.orValue([]).map(claim, claim.?metadata.orValue({})) +
    (variables.spec.?volumes.orValue([]) + variables.podTemplate.?spec.?volumes.orValue([]))
    .map(volume, volume.?ephemeral.?volumeClaimTemplate.?metadata.orValue({}))
{{- end }}

{{- define "practicum.policy.binding" -}}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  name: {{ .name }}
  labels:
    {{- include "practicum.labels" .root | nindent 4 }}
spec:
  policyName: {{ .name }}
  {{- with .params }}
  paramRef:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  validationActions: [Deny]
{{- end }}
