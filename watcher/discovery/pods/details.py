"""What was read beside a pod: the config of its agent and the Service of its workload."""

from dataclasses import dataclass, field, replace

from watcher.discovery.pod.agent_config import AgentConfig


@dataclass(frozen=True, slots=True)
class Details:
    """What was read; with problems where it could not be."""

    config: AgentConfig = field(default_factory=AgentConfig)
    service_id: str | None = None
    service_problem: str = ""  # why its Service cannot be read, a part of a sentence
    service_known: bool = True  # whether `service_id` is what it says, or said when it could be read
    is_agent: bool | None = None  # told by a ConfigMap of its variables; None: by none that could be read

    @property
    def complete(self) -> bool:
        """Whether all of it was read; else it is worth another attempt."""
        return self.config.is_final and not self.service_problem

    def over(self, before: "Details | None") -> "Details":
        """These, but what could not be read is as it was before, with the problems of now."""
        if before is None:
            return self
        config, service_id, service_known = self.config, self.service_id, self.service_known
        if not config.is_final and not before.config.unlearnt:
            config = replace(before.config, problems=config.problems, is_final=False)
        if self.service_problem:
            service_id, service_known = before.service_id, before.service_known
        is_agent = before.is_agent if self.is_agent is None else self.is_agent
        return replace(self, config=config, service_id=service_id, service_known=service_known, is_agent=is_agent)
