"""Identity on the wire."""

from watcher.alerting.rules.descriptions import AgentAlert, Figure, ProbeAlerts

_SPIRE = "SPIRE (server, agents, its datastore) or the trust bundle"
_NETWORK = "the network, a NetworkPolicy, a node, or a rollout"
_END = "min(agentweave_watcher_svid_not_after_timestamp_seconds{{of}} and on (pod) {true})"
_TIME_LEFT = "expires in {humanizeDuration}, with {humanizePercentage} of its lifetime left."
_LEFT = f"{_END} - time() > 0"
_NOT_AFTER = "max by (pod) (agentweave_watcher_svid_not_after_timestamp_seconds{{of}})"
_NOT_BEFORE = "max by (pod) (agentweave_watcher_svid_not_before_timestamp_seconds{{of}})"
_SHARE = f"min(({_NOT_AFTER} - time()) / ({_NOT_AFTER} - {_NOT_BEFORE}) and on (pod) {{true}}) > 0"

ALERTS = ProbeAlerts(
    "Identity on the wire",
    (
        AgentAlert(
            condition="AgentUnreachable",
            held="3m",
            summary="Agent mTLS handshake failing.",
            was="Agent mTLS handshake failed.",
            says="The mTLS port of {agent} fails the TLS handshake, so no other agent can call it.",
            hint=_NETWORK,
        ),
        AgentAlert(
            condition="TLSMissing",
            held="2m",
            summary="The mTLS port of an agent does not speak TLS.",
            was="The mTLS port of an agent did not speak TLS.",
            says=(
                "The mTLS port of {agent} answers without TLS, so calls to it are neither encrypted nor authenticated."
            ),
            hint=_NETWORK,
        ),
        AgentAlert(
            condition="SVIDExpired",
            held="2m",
            summary="The SVID that an agent serves has expired.",
            was="The SVID that an agent served had expired.",
            says="The certificate that {agent} serves has expired, and peers refuse it.",
            hint=_SPIRE,
            figures=(Figure("It expired {humanizeDuration} ago.", (f"time() - {_END} > 0",)),),
        ),
        AgentAlert(
            condition="SVIDExpiryImminent",
            held="3m",
            summary="The SVID of an agent, or a certificate behind it, is about to expire.",
            was="The SVID of an agent, or a certificate behind it, was about to expire.",
            says=(
                "The certificate that {agent} serves, an intermediate or the authority behind it expires soon and "
                "was not replaced."
            ),
            hint=_SPIRE,
            figures=(
                Figure(
                    f"The certificate itself {_TIME_LEFT}",
                    (_LEFT, _SHARE),
                ),
            ),
        ),
        AgentAlert(
            condition="SVIDRotationOverdue",
            held="5m",
            summary="The SVID of an agent was not rotated when it was due.",
            was="The SVID of an agent had not been rotated when it was due.",
            says="The certificate of {agent} should have been rotated by now and was not.",
            hint=_SPIRE,
            figures=(
                Figure(
                    f"It {_TIME_LEFT}",
                    (_LEFT, _SHARE),
                ),
            ),
        ),
        AgentAlert(
            condition="SVIDNotTrusted",
            held="2m",
            summary="The SVID that an agent serves is not trusted.",
            was="The SVID that an agent served was not trusted.",
            says="The chain that {agent} serves does not verify against the trust bundle of its trust domain.",
            hint=_SPIRE,
        ),
        AgentAlert(
            condition="SVIDWrongIdentity",
            held="2m",
            summary="An agent serves the wrong identity.",
            was="An agent served the wrong identity.",
            says="The SPIFFE ID that {agent} serves is not the expected one.",
            hint=_SPIRE,
            figures=(
                Figure(
                    "It serves {labels spiffe_id}.",
                    ("group by (spiffe_id) (agentweave_watcher_svid_served_info{{of}} and on (pod) {true})",),
                ),
                Figure(
                    "Expected is {labels spiffe_id}.",
                    ('group by (spiffe_id) (agentweave_watcher_target_info{{of},spiffe_id!=""} and on (pod) {true})',),
                ),
            ),
        ),
    ),
)
