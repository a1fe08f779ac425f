"""Which objects of the cluster tell of agents: the section `kubernetes` of the checklist."""

from pydantic import BaseModel, ConfigDict, Field


class KubernetesEvidence(BaseModel):
    """Which objects of the cluster are listed and watched. What is not leaves its controls unknown."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    workloads: bool = Field(
        default=True,
        description="Deployments and other workloads, LimitRanges, and objects that create Secrets",
    )
    network: bool = Field(
        default=True, description="NetworkPolicies, those of Cilium and of administrators, EndpointSlices"
    )
    rbac: bool = Field(default=False, description="Roles and their bindings, for who may read Secrets; never Secrets")
    spire: bool = Field(default=False, description="ClusterFederatedTrustDomains")
    reports: bool = Field(
        default=True,
        description="reports of Trivy-operator on images, and of policy engines on signatures, where their CRDs are",
    )
