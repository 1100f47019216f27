"""The end-to-end suite: what the system does on a Kubernetes cluster, case by case, with its figures.

    ci/e2e                       every case, in order (about an hour and a half)
    ci/e2e --list                what there is
    ci/e2e web-killed hpa        these only; each installs what it needs and is not there
    ci/e2e --keep install        leave the installation for a look; without --keep the namespaces go in the end
    ci/e2e --table               the table of the last outcome of every case

It needs kubectl, helm 4 and kustomize 5.8.1 on the PATH, a `KUBECONFIG` whose user may do anything, the image under
test where the nodes can pull it, and three nodes for the cases of nodes. What differs from cluster to cluster are
settings `E2E_…`: see `settings.py`.

    E2E_IMAGE            the image under test                       E2E_IMAGE_2      a second build of it
    E2E_MONGO_IMAGE      MongoDB's image                            E2E_REDIS_IMAGE  Redis' image
    E2E_STOP_NODE        a command that stops {node}                E2E_START_NODE   one that brings it back
    E2E_KILL             a command that kills {container_id} in {node}
    E2E_PROMETHEUS       NAMESPACE/DEPLOYMENT behind the custom metrics API
    E2E_ADAPTER_RULES    NAMESPACE/CONFIGMAP/KEY that takes the adapter's rules
    DAYTRADER_WORKLOADS  directory with the workload files of `workload-files`; else files are made

On kind, for example:

    E2E_STOP_NODE='docker stop {node}' E2E_START_NODE='docker start {node}'
    E2E_KILL='docker exec {node} ctr --namespace k8s.io tasks kill --signal SIGKILL {container_id}'

Most cases share one installation and strike it under a steady load: a `Workload` that the operator runs, whose client
sends a command again, with its id, after a second without an answer, and counts it as failed after 30 s. After each
load the whole log is verified against what that client saw. A case that fails leaves what the cluster showed in
`out/e2e/CASE/`; the figures of all cases are kept in `out/e2e.json`, those of earlier runs too.

This is a program (`python -m tests.cluster`), not a part of the tests that pytest collects.
"""
