"""The closed lists that entries of the catalogue are made of."""

from enum import StrEnum


class Severity(StrEnum):
    """How bad it is where a control is not met; the words of PolicyReport."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Owner(StrEnum):
    """Who can mend it."""

    TEAM = "team"
    PLATFORM = "platform"
    SECURITY = "security"
    PIPELINE = "pipeline"


class Scope(StrEnum):
    """What one finding is about. Release: the newest rollout of an agent."""

    AGENT = "agent"
    NAMESPACE = "namespace"
    FLEET = "fleet"
    RELEASE = "release"


class Automation(StrEnum):
    """Who may decide. Refutable: a machine can only prove that it is not met."""

    AUTO = "auto"
    REFUTABLE = "refutable"
    PIPELINE = "pipeline"
    HUMAN = "human"
    ROLLUP = "rollup"


class OptIn(StrEnum):
    """What the operator must turn on before a control can be decided."""

    HOSTILE_HANDSHAKES = "hostile_handshakes"
    LOGS = "logs"
    TRACES = "traces"
    PROMETHEUS = "prometheus"
    ALERTMANAGER = "alertmanager"
    REPORTS = "reports"
    RBAC = "rbac"
    DOCUMENT_LINKS = "document_links"


class AttestableWhen(StrEnum):
    """When an attestation counts."""

    ALWAYS = "always"  # the control needs a record
    OPT_IN_OFF = "opt_in_off"  # some of its evidence is unknown NotEnabled
    OPA_ON_LOOPBACK = "opa_on_loopback"  # its OPA provably listens on loopback only
    NO_POLICY = "no_policy"  # it is unknown NoPolicy
    KEY_NOT_EFFECTIVE = "key_not_effective"  # it is unknown KeyNotEffective
    NOTHING_SEEN_YET = "nothing_seen_yet"  # it has been unknown NoData or Observing for 7 days


class FailReason(StrEnum):
    """Why a control fails."""

    VIOLATED = "Violated"  # the evidence breaks the rule
    DECLARED_NOT_OBSERVED = "DeclaredNotObserved"  # a config says yes, observed evidence says no
    REFUTED = "Refuted"  # a machine saw the contrary of what only a record could say


class ExpiredReason(StrEnum):
    """Why a record that once counted no longer does."""

    ATTESTATION_EXPIRED = "AttestationExpired"
    DIGEST_CHANGED = "DigestChanged"
    CONTROL_REVISED = "ControlRevised"


class RecordKind(StrEnum):
    """What a record is."""

    ATTESTATION = "attestation"
    PIPELINE = "pipeline"
    WAIVER = "waiver"


class Bind(StrEnum):
    """What a record is bound to: when that digest no longer runs, it lapses."""

    IMAGE_DIGEST = "image_digest"
    POLICY_DIGEST = "policy_digest"
    CONFIG_DIGEST = "config_digest"
    NONE = "none"


class MembersCounted(StrEnum):
    """Which members count in a roll-up: those that are required, or each."""

    REQUIRED = "required"
    ALL = "all"


class Absent(StrEnum):
    """What a source that is not there does to a pass."""

    UNKNOWN = "unknown"  # no pass without it
    EITHER = "either"  # at least one of those so marked must be there
    SKIP = "skip"  # judged without it
