"""Optional: how fast is an agent's error budget used up, by what Prometheus scrapes of the agents themselves?

Several windows, as in the SRE workbook of Google, chapter 5: a long one, so that it matters, and a short one, so that
it still goes on.
"""

from probes import load_probes
from watcher.alerting.rules.core import AGENT, POD
from watcher.alerting.rules.descriptions import Alert, Group, Record

BUDGET = 0.005
"""Share of the requests that may fail over 30 days: of an objective of 99.5 %."""

_FEWEST = 10
"""Failed requests in the long window: of fewer nothing can be told."""

_REQUESTS, _FAILED = "agentweave:requests:rate5m", "agentweave:requests:failed5m"
_REQUESTS_1H, _FAILED_1H = "agentweave:requests:rate1h", "agentweave:requests:failed1h"
_SOME, _HTTP_FAILURES = '!=""', '=~"5.."'
_OF = "cluster=%q,job=%q,namespace=%q,agent=%q"
_ARGUMENTS = "$labels.cluster $labels.job $labels.namespace $labels.agent"


def _failures() -> str:
    words = next(probe.limits().failed_statuses for probe in load_probes() if probe.name == "slo")
    return f'=~"(?i)({"|".join(words)}|5..)"'


def _by_agent(status: str, code: str) -> str:
    return f"""\
sum by ({AGENT}) (
  group by ({POD}) (last_over_time(agentweave_watcher_target_info[1h]))
    * on (cluster, namespace, pod) group_left ()
      sum by (cluster, namespace, pod) (
        rate(agentweave_requests_total{{status{status}}}[5m])
        or
        rate(agentweave_requests_total{{status="",code{code}}}[5m])
      )
)"""


def _burns(failed: str, requests: str, times: float, long: str, short: str, every: int) -> str:
    def rate(window: str) -> str:
        return f"avg_over_time({failed}[{window}]) / avg_over_time({requests}[{window}]) / {BUDGET}"

    return f"""\
{rate(long)} > {times:g}
  and {rate(short)} > {times:g}
  and sum_over_time({failed}[{long}]) * {every} >= {_FEWEST}"""


def _description(window: str, said: str, failed: str, requests: str) -> str:
    share = f"sum(avg_over_time({failed}{{{_OF}}}[{window}])) / sum(avg_over_time({requests}{{{_OF}}}[{window}]))"
    return (
        "Requests of {{ $labels.namespace }}/{{ $labels.agent }} fail "
        '{{ printf "%.1f" $value }} times as fast as its error budget of 30 days allows. '
        f"{{{{- with query (printf `{share}` {_ARGUMENTS} {_ARGUMENTS}) }}}} "
        f"{{{{ . | first | value | humanizePercentage }}}} of them failed over {said}.{{{{ end }}}}"
    )


def _alert(name: str, comment: str, expression: str, severity: str, texts: tuple[str, str, str]) -> Alert:
    summary, was, description = texts
    return Alert(
        name=name,
        comment=comment,
        expression=expression,
        held="2m",
        kept="5m",
        severity=severity,
        component="slo",
        summary=summary,
        description=description,
        was=was,
        link={"namespace": "namespace", "agent": "agent"},
        dashboard="agentweave-agent?var-namespace={{ $labels.namespace | urlquery }}"
        "&var-agent={{ $labels.agent | urlquery }}",
    )


_FAST = _alert(
    "AgentWeaveErrorBudgetFastBurn",
    "14.4 times: 2 % of the budget in an hour. 6 times: 5 % in six hours.",
    f"{_burns(_FAILED, _REQUESTS, 14.4, '1h', '5m', 60)}\nor\n{_burns(_FAILED, _REQUESTS, 6, '6h', '30m', 60)}",
    "critical",
    (
        "The error budget of an agent is used up within days.",
        "The error budget of an agent was about to be used up within days.",
        _description("1h", "the last hour", _FAILED, _REQUESTS),
    ),
)
_SLOW = _alert(
    "AgentWeaveErrorBudgetSlowBurn",
    "3 times: 10 % of the budget in a day. Once: 10 % in three days.",
    f"{_burns(_FAILED_1H, _REQUESTS_1H, 3, '1d', '2h', 300)}\nor\n"
    f"{_burns(_FAILED_1H, _REQUESTS_1H, 1, '3d', '6h', 300)}",
    "warning",
    (
        "The error budget of an agent is used up too fast.",
        "The error budget of an agent was used up too fast.",
        _description("1d", "the last day", _FAILED_1H, _REQUESTS_1H),
    ),
)

BURN_RATE = (
    Group(
        "agentweave-burn-rate",
        (
            Record(
                name=_REQUESTS,
                comment="""\
Of pages that say how a request ended, by their namespace and pod. Which agent that is says the watcher; if it is away
for an hour, so are these.""",
                expression=_by_agent(_SOME, _SOME),
            ),
            Record(
                name=_FAILED,
                comment="What the probe `slo` takes for a failure. A refusal (`denied`) is none.",
                expression=f"{_by_agent(_failures(), _HTTP_FAILURES)}\nor\n0 * {_REQUESTS}",
            ),
            _FAST,
        ),
        every="1m",
    ),
    Group(
        "agentweave-burn-rate-slow",
        (
            Record(
                name=_REQUESTS_1H,
                comment="So that three days are not read minute by minute.",
                expression=f"avg_over_time({_REQUESTS}[1h])",
            ),
            Record(name=_FAILED_1H, expression=f"avg_over_time({_FAILED}[1h])"),
            _SLOW,
        ),
        every="5m",
    ),
)
ABOUT = f"""\
Optional: alerts on the error budget of each agent, by several windows. Prometheus must scrape the agents themselves,
with the labels `namespace` and `pod`. {BUDGET} is the budget, of an objective of 99.5 %: in the chart
prometheusRule.burnRate.objective."""
