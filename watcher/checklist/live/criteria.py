"""By what are agents judged? The catalogue, the judges, facts of the SDK, and what the operator's config says."""

from probes.controls.catalogue.loading import Catalogue, load_catalogue
from probes.controls.judging import Facts, Judges, load_judges
from probes.controls.profile import Profile, profile_of
from probes.controls.reads import Reads
from probes.controls.sdk.loading import load_sdk_facts
from watcher.checklist.live.accounts import Accounts
from watcher.checklist.live.moments import Ages, ages_of
from watcher.config.checklist import ChecklistSettings


class Criteria:
    """The same for all agents, until another config is adopted."""

    def __init__(self, settings: ChecklistSettings) -> None:
        self.catalogue: Catalogue = load_catalogue()
        self.judges: Judges = load_judges()
        self.ages: Ages = ages_of(self.catalogue.controls)
        self.reads = Reads(self.catalogue.controls)
        self._sdk = load_sdk_facts()
        self.adopt(settings)

    def adopt(self, settings: ChecklistSettings) -> None:
        """Judge by this config from now on."""
        self.settings = settings
        self._profiles = settings.required_by
        self._required: dict[str, frozenset[str]] = {}  # by profile

    def profile(self, namespace: str) -> Profile:
        """Whose criteria the agents of this namespace are to meet."""
        return profile_of(namespace, self._profiles)

    def required(self, profile: Profile) -> frozenset[str]:
        """The ids of the controls that readiness rests on."""
        if profile.name not in self._required:
            self._required[profile.name] = profile.required(self.catalogue)
        return self._required[profile.name]

    def facts(self, now: float, accounts: Accounts) -> Facts:
        """What judges may know beside evidence; `now`: Unix seconds."""
        return Facts(
            now=now,
            sdk=self._sdk,
            environment=self.settings.environment,
            trust_domains=self.settings.trust_domains,
            secret_readers=self.settings.secret_readers,
            agent_accounts=accounts.agents,
            unsure_accounts=accounts.unsure,
            container_roles=self.settings.roles,
        )
