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

    def to_be_read_again(self) -> "Details":
        """These, but none of the config is final."""
        return replace(self, config=replace(self.config, is_final=False))

    def over(self, before: "Details | None", *, same_process: bool) -> "Details":
        """These, but what could not be read is as it was before, with the problems of now.

        Of the config of another process only the name is: all pods of a workload have it, whenever they came.
        """
        if before is None:
            return self
        config, service_id, service_known = self.config, self.service_id, self.service_known
        if not config.is_final and not same_process:
            config = replace(config, name=config.name or before.config.name)
        elif not config.is_final and not before.config.unlearnt:
            config = replace(before.config, problems=config.problems, is_final=False)
        if self.service_problem:
            service_id, service_known = before.service_id, before.service_known
        is_agent = before.is_agent if self.is_agent is None else self.is_agent
        return replace(self, config=config, service_id=service_id, service_known=service_known, is_agent=is_agent)
