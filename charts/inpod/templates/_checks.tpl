{{/*
What can't work is refused before anything is installed, with the value and the fix in the sentence. The schema has caught unknown keys and
wrong types by then.
*/}}
{{- define "inpod.checks" -}}
{{- include "inpod.checkKubernetes" . -}}
{{- include "inpod.checkName" . -}}
{{- include "inpod.checkAuth" . -}}
{{- include "inpod.checkApps" . -}}
{{- include "inpod.checkFront" . -}}
{{- include "inpod.checkRestart" . -}}
{{- include "inpod.checkPorts" . -}}
{{- include "inpod.checkSource" . -}}
{{- include "inpod.checkToolchains" . -}}
{{- include "inpod.checkRoutes" . -}}
{{- include "inpod.checkBackoff" . -}}
{{- end -}}

{{/*
Native sidecars (`restartPolicy: Always` of an init container) are on by default from 1.29. Not `kubeVersion` of Chart.yaml: a helm that was
built by `go install` takes v1.20.0 for the version where there is no cluster, and `helm template` would be refused.
*/}}
{{- define "inpod.checkKubernetes" -}}
{{- $version := .Capabilities.KubeVersion.Version -}}
{{- if and (ne $version "v1.20.0") (semverCompare "<1.29.0-0" $version) -}}
{{- fail (printf "\n\nThis cluster is Kubernetes %s. inpod needs 1.29 or later: before that there are no native sidecar containers.\n" $version) -}}
{{- end -}}
{{- end -}}

{{- define "inpod.checkName" -}}
{{- $name := include "inpod.fullname" . -}}
{{- if not (regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" $name) -}}
{{- fail (printf "\n\nThe workspace can't be called %q: a Service's name begins with a letter and has only a-z, 0-9 and -. Choose another release name, or set fullnameOverride.\n" $name) -}}
{{- end -}}
{{- end -}}

{{- define "inpod.checkAuth" -}}
{{- $auth := .Values.auth -}}
{{- if not $auth.mode -}}
{{- fail "\n\nauth.mode is not set: who may open the IDE, and with it a shell in the pod? Set auth.mode to\n  password  a login with the password of a Secret (auth.existingSecret, or one that is made for you),\n  proxy     a proxy in front has checked the user (needs auth.proxy.trusted), or\n  none      anybody who reaches the port.\n" -}}
{{- end -}}
{{- if and (eq $auth.mode "proxy") (empty $auth.proxy.trusted) -}}
{{- fail "\n\nauth.mode is proxy, but auth.proxy.trusted is empty: any pod could claim to be any user. List the proxy's addresses there, for example [10.244.0.0/16].\n" -}}
{{- end -}}
{{- if and $auth.existingSecret (ne $auth.mode "password") -}}
{{- fail (printf "\n\nauth.existingSecret is %q, but auth.mode is %s and no password would be asked. Set auth.mode to password, or leave the Secret out.\n" $auth.existingSecret $auth.mode) -}}
{{- end -}}
{{- end -}}

{{- define "inpod.checkRestart" -}}
{{- $restart := .Values.restart -}}
{{- $set := list -}}
{{- range $key := list "onSave" "build" "include" "ignore" "polling" -}}{{- if get $restart $key -}}{{- $set = append $set (printf "restart.%s" $key) -}}{{- end -}}{{- end -}}
{{- if and $set (eq .Values.mode "standalone") -}}
{{- fail (printf "\n\nmode is standalone, which has no app to restart, but %s is set. Set mode to sidecar, or leave it out.\n" (first $set)) -}}
{{- end -}}
{{- range $key := list "include" "ignore" "polling" -}}
  {{- if and (get $restart $key) (not $restart.onSave) -}}
  {{- fail (printf "\n\nrestart.%s is set, but restart.onSave is false and nothing is watched. Set restart.onSave to true, or leave it out.\n" $key) -}}
  {{- end -}}
{{- end -}}
{{- if and $restart.onSave (eq .Values.mode "sidecar") -}}
  {{- $supervised := false -}}
  {{- range (include "inpod.apps" . | fromJson).apps -}}{{- if and .supervised .sourcePath -}}{{- $supervised = true -}}{{- end -}}{{- end -}}
  {{- if not $supervised -}}
  {{- fail "\n\nrestart.onSave is true, but no app with a sourcePath is restarted by its process: each save would cost a container restart, and the kubelet punishes those. Give app.command, and leave restart.process true.\n" -}}
  {{- end -}}
{{- end -}}
{{- end -}}

{{- define "inpod.checkApps" -}}
{{- $one := omit .Values.app "name" -}}
{{- $set := list -}}
{{- range $key, $value := $one -}}{{- if $value -}}{{- $set = append $set (printf "app.%s" $key) -}}{{- end -}}{{- end -}}
{{- if eq .Values.mode "standalone" -}}
  {{- if or $set .Values.apps -}}
  {{- fail (printf "\n\nmode is standalone, which has no app container, but %s is set. Set mode to sidecar, or leave it out.\n" (first (append $set "apps"))) -}}
  {{- end -}}
{{- else -}}
  {{- if and $set .Values.apps -}}
  {{- fail (printf "\n\nBoth app and apps are set (%s, and apps with %s). One app container: app. Several: apps.\n" (join ", " $set) (keys .Values.apps | sortAlpha | join ", ")) -}}
  {{- end -}}
  {{- range (include "inpod.apps" . | fromJson).apps -}}
    {{- $where := ternary (printf "apps.%s" .name) "app" (not (empty $.Values.apps)) -}}
    {{- if or (not (regexMatch "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$" .name)) (gt (len .name) 63) -}}
    {{- fail (printf "\n\nThe app can't be called %q: a container's name has only a-z, 0-9 and - (not at its ends), 63 characters at most.\n" .name) -}}
    {{- end -}}
    {{- if or (has .name (list "ide" "inpod" "live" "kit" "source" "front")) (hasPrefix "toolchain-" .name) -}}
    {{- fail (printf "\n\nThe app can't be called %q: that is the name of one of inpod's own containers. Choose another name.\n" .name) -}}
    {{- end -}}
    {{- if not .image -}}
    {{- fail (printf "\n\n%s.image is not set: which image is the service you are working on? For a workspace without an app, set mode to standalone.\n" $where) -}}
    {{- end -}}
    {{- if .livenessProbe -}}
    {{- fail (printf "\n\n%s.livenessProbe can't be set: the app's liveness probe is how inpod restarts it, and one that asks the app would kill it at a breakpoint. Leave it out; readinessProbe and startupProbe stay yours.\n" $where) -}}
    {{- end -}}
    {{- include "inpod.checkRoot" (dict "where" $where "app" . "pod" $.Values.podSecurityContext) -}}
  {{- end -}}
  {{- $threshold := int .Values.restart.probe.failureThreshold -}}
  {{- if or (lt $threshold 1) (gt $threshold 10) -}}
  {{- fail (printf "\n\nrestart.probe.failureThreshold is %d: it is the number of failing probes that restart the app, 1 to 10.\n" $threshold) -}}
  {{- end -}}
{{- end -}}
{{- end -}}

{{/* An app that asks for root in a pod that refuses it: dict "where" "app" "app" {…} "pod" podSecurityContext */}}
{{- define "inpod.checkRoot" -}}
{{- $own := .app.securityContext | default dict -}}
{{- $nonRoot := dig "runAsNonRoot" (dig "runAsNonRoot" true .pod) $own -}}
{{- if and $nonRoot (eq "0" (toString (dig "runAsUser" "" $own))) -}}
{{- fail (printf "\n\n%s.securityContext.runAsUser is 0, but nothing in this pod runs as root (Pod Security \"restricted\"): the kubelet would refuse the container. Name another uid; or, where the namespace allows root, set %s.securityContext.runAsNonRoot to false.\n" .where .where) -}}
{{- end -}}
{{- end -}}

{{- define "inpod.checkFront" -}}
{{- $front := .Values.front -}}
{{- if and .Values.restart.swap.enabled (not $front.enabled) -}}
{{- fail "\n\nrestart.swap.enabled is true, but front.enabled is not: the front is what moves requests from the old process to the new one. Set front.enabled to true.\n" -}}
{{- end -}}
{{- if $front.enabled -}}
  {{- $names := list -}}
  {{- range (include "inpod.apps" . | fromJson).apps -}}{{- $names = append $names .name -}}{{- end -}}
  {{- if not $names -}}
  {{- fail "\n\nfront.enabled is true, but mode is standalone, which has no app to stand before. Set front.enabled to false, or mode to sidecar.\n" -}}
  {{- end -}}
  {{- if and $front.app (not (has $front.app $names)) -}}
  {{- fail (printf "\n\nfront.app is %q, but there is no app of that name; there are: %s.\n" $front.app (join ", " $names)) -}}
  {{- end -}}
  {{- $app := include "inpod.frontedApp" . | fromJson -}}
  {{- if not $app -}}
  {{- fail (printf "\n\nfront.enabled is true, but %s a TCP port to stand before. Give the app's ports, or set front.enabled to false.\n" (ternary (printf "app %s doesn't have" $front.app) "no app has" (not (empty $front.app)))) -}}
  {{- end -}}
  {{- if not $app.supervised -}}
  {{- fail (printf "\n\nfront.enabled is true, but app %s has no command, or restart.process is false: only the restart of a process can be waited for. Give the command, or set front.enabled to false.\n" $app.name) -}}
  {{- end -}}
{{- end -}}
{{- end -}}

{{- define "inpod.checkPorts" -}}
{{- $taken := dict -}}
{{- $_ := set $taken (printf "TCP/%d" (int .Values.helper.port)) "helper.port" -}}
{{- if eq .Values.mode "sidecar" -}}
  {{- $live := printf "TCP/%d" (int .Values.restart.probe.port) -}}
  {{- if hasKey $taken $live -}}
  {{- fail (printf "\n\nrestart.probe.port and helper.port are both %d: the containers of a pod share its ports. Change one of them.\n" (int .Values.helper.port)) -}}
  {{- end -}}
  {{- $_ := set $taken $live "restart.probe.port" -}}
  {{- if .Values.front.enabled -}}
    {{- $front := printf "TCP/%d" (int .Values.front.port) -}}
    {{- with get $taken $front -}}
    {{- fail (printf "\n\nfront.port and %s are both %d: the containers of a pod share its ports. Change one of them.\n" . (int $.Values.front.port)) -}}
    {{- end -}}
    {{- $_ := set $taken $front "front.port" -}}
  {{- end -}}
  {{- if .Values.restart.swap.enabled -}}
    {{- range .Values.restart.swap.ports -}}
      {{- with get $taken (printf "TCP/%d" (int .)) -}}
      {{- fail (printf "\n\nrestart.swap.ports has the port of %s: the containers of a pod share its ports. Take two that are free.\n" .) -}}
      {{- end -}}
      {{- $_ := set $taken (printf "TCP/%d" (int .)) "restart.swap.ports" -}}
    {{- end -}}
  {{- end -}}
{{- end -}}
{{- range $app := (include "inpod.apps" . | fromJson).apps -}}
  {{- range .ports -}}
    {{- $port := printf "%s/%d" (.protocol | default "TCP") (int .containerPort) -}}
    {{- with get $taken $port -}}
      {{- if hasPrefix "app " . -}}
      {{- fail (printf "\n\nApp %s has port %s, which %s has too: the containers of a pod share its ports.\n" $app.name $port .) -}}
      {{- else -}}
      {{- fail (printf "\n\nApp %s has port %s, which is inpod's own (%s): the containers of a pod share its ports. Set %s to something free.\n" $app.name $port . .) -}}
      {{- end -}}
    {{- end -}}
    {{- $_ := set $taken $port (printf "app %s" $app.name) -}}
  {{- end -}}
{{- end -}}
{{- end -}}

{{/* Why a volume can't be mounted there in the IDE; empty where it can: dict "path" P */}}
{{- define "inpod.whyNotMounted" -}}
{{- $path := clean .path -}}
{{- if not (hasPrefix "/" .path) -}}
it is not an absolute path
{{- else if eq $path "/" -}}
the volume would hide the whole root file system
{{- else if has $path (list "/bin" "/boot" "/dev" "/etc" "/home" "/lib" "/lib64" "/opt" "/proc" "/run" "/sbin" "/sys" "/tmp" "/usr" "/usr/bin" "/usr/lib" "/usr/local" "/usr/local/bin" "/usr/local/lib" "/usr/sbin" "/usr/share" "/var") -}}
the volume would hide what the containers need there
{{- else if regexMatch "^/(inpod|opt/inpod|home/inpod|proc|sys|dev)(/|$)" $path -}}
that place is inpod's own or the kernel's
{{- end -}}
{{- end -}}

{{- define "inpod.checkSource" -}}
{{- $source := .Values.source -}}
{{- if eq .Values.mode "sidecar" -}}
  {{- if not (include "inpod.sourceApp" . | fromJson) -}}
  {{- $key := ternary "no app of apps has a sourcePath" "app.sourcePath is not set" (not (empty .Values.apps)) -}}
  {{- fail (printf "\n\n%s: in which folder does the image keep its source? The IDE has it at the same path, for example /app.\n" $key) -}}
  {{- end -}}
  {{- range (include "inpod.apps" . | fromJson).apps -}}
    {{- $where := ternary (printf "apps.%s" .name) "app" (not (empty $.Values.apps)) -}}
    {{- $given := (ternary (get $.Values.apps .name) $.Values.app (not (empty $.Values.apps))).sourcePath -}}
    {{- if $given -}}
      {{- with include "inpod.whyNotMounted" (dict "path" $given) -}}
      {{- fail (printf "\n\n%s.sourcePath can't be %q: %s. Name the folder in which the image keeps its source, for example /app.\n" $where $given .) -}}
      {{- end -}}
    {{- end -}}
  {{- end -}}
{{- end -}}
{{- if and (eq $source.from "git") (not $source.git.url) -}}
{{- fail "\n\nsource.from is git, but source.git.url is not set: which repository is it?\n" -}}
{{- end -}}
{{- if and $source.git.url (ne $source.from "git") -}}
{{- fail (printf "\n\nsource.git.url is %q, but source.from is %s. Set source.from to git, or leave the address out.\n" $source.git.url $source.from) -}}
{{- end -}}
{{- if and (eq $source.from "claim") (not $source.claim) -}}
{{- fail "\n\nsource.from is claim, but source.claim is not set: which PersistentVolumeClaim holds the source?\n" -}}
{{- end -}}
{{- if and $source.claim (ne $source.from "claim") -}}
{{- fail (printf "\n\nsource.claim is %q, but source.from is %s. Set source.from to claim, or leave the claim out.\n" $source.claim $source.from) -}}
{{- end -}}
{{- if and (eq $source.from "claim") $source.size -}}
{{- fail (printf "\n\nsource.size is %q, but the source is an existing claim, %q, which has a size. Leave source.size out.\n" $source.size $source.claim) -}}
{{- end -}}
{{- if and .Values.ide.persistence.existingClaim .Values.ide.persistence.size -}}
{{- fail (printf "\n\nide.persistence has both existingClaim (%q) and size (%q): the claim has a size. Leave one of them out.\n" .Values.ide.persistence.existingClaim .Values.ide.persistence.size) -}}
{{- end -}}
{{- end -}}

{{- define "inpod.checkToolchains" -}}
{{- $seen := dict -}}
{{- range (include "inpod.sourcePaths" . | fromJson).paths -}}{{- $_ := set $seen . "the source" -}}{{- end -}}
{{- range $index, $toolchain := .Values.ide.toolchains -}}
  {{- $path := clean $toolchain.path -}}
  {{- with include "inpod.whyNotMounted" (dict "path" $toolchain.path) -}}
  {{- fail (printf "\n\nide.toolchains[%d].path can't be %q: %s. Name the folder of the toolchain itself, for example /usr/local/go.\n" $index $toolchain.path .) -}}
  {{- end -}}
  {{- with get $seen $path -}}
  {{- fail (printf "\n\nide.toolchains[%d].path is %q, where %s is already. Two volumes can't be at one path.\n" $index $toolchain.path .) -}}
  {{- end -}}
  {{- $_ := set $seen $path (printf "ide.toolchains[%d]" $index) -}}
{{- end -}}
{{- end -}}

{{- define "inpod.checkRoutes" -}}
{{- $ingress := .Values.ingress -}}
{{- $route := .Values.httpRoute -}}
{{- if and $ingress.enabled (not $ingress.host) -}}
{{- fail "\n\ningress.enabled is true, but ingress.host is not set: under which name is the IDE reached? The helper answers browsers of that origin only.\n" -}}
{{- end -}}
{{- $hosts := dict -}}
{{- if $ingress.enabled -}}{{- $_ := set $hosts $ingress.host "ingress.host" -}}{{- end -}}
{{- if $route.enabled -}}{{- range $route.hostnames -}}{{- $_ := set $hosts . "an entry of httpRoute.hostnames" -}}{{- end -}}{{- end -}}
{{- range $host := keys $hosts | sortAlpha -}}
  {{- if not (regexMatch "^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$" $host) -}}
  {{- fail (printf "\n\n%s is %q: it must be one host name in lower case, without a wildcard. The helper answers browsers of that origin only.\n" (get $hosts $host) $host) -}}
  {{- end -}}
{{- end -}}
{{- if regexMatch "(^|/)-(/|$)" (include "inpod.basePath" .) -}}
{{- fail (printf "\n\nThe IDE's path is %q: /-/ is where inpod's own page is. Choose another ingress.path or httpRoute.path.\n" (include "inpod.basePath" .)) -}}
{{- end -}}
{{- if and $route.enabled (or (empty $route.hostnames) (empty $route.parentRefs)) -}}
{{- fail "\n\nhttpRoute.enabled is true, but httpRoute.hostnames or httpRoute.parentRefs is empty: under which name, and through which Gateway, is the IDE reached?\n" -}}
{{- end -}}
{{- if and $ingress.enabled $route.enabled (ne (clean $ingress.path) (clean $route.path)) -}}
{{- fail (printf "\n\ningress.path is %q and httpRoute.path is %q: the helper has one base path. Make them the same.\n" $ingress.path $route.path) -}}
{{- end -}}
{{- end -}}

{{- define "inpod.checkBackoff" -}}
{{- $longest := .Values.restart.maxContainerRestartPeriod -}}
{{- if or (lt (trimSuffix "s" $longest | int) 1) (gt (trimSuffix "s" $longest | int) 300) -}}
{{- fail (printf "\n\nrestart.maxContainerRestartPeriod is %q: the kubelet takes 1s to 300s.\n" $longest) -}}
{{- end -}}
{{- if .Values.rbac.restartWithoutBackoff -}}
  {{- if ne .Values.mode "sidecar" -}}
  {{- fail (printf "\n\nrbac.restartWithoutBackoff is true, but mode is %s: there is no app container to restart. Leave it out.\n" .Values.mode) -}}
  {{- end -}}
{{- end -}}
{{- end -}}
