"""Where pyannote checkpoints lie: in a folder, or on a hub (and then in its cache on this machine)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from stream_engine.errors import BackendError

TRUSTED = "pyannote/"  # whose code runs here anyway


class Place(Protocol):
    """Files that belong together."""

    @property
    def name(self) -> str: ...
    @property
    def trusted(self) -> bool: ...

    def file(self, name: str) -> Path | None:
        """A file of it, on this machine; None if it has none of that name."""
        ...


@dataclass(frozen=True)
class Folder:
    """A folder on this machine."""

    path: Path
    trusted: bool = False

    @property
    def name(self) -> str:
        return str(self.path)

    def file(self, name: str) -> Path | None:
        path = self.path / name
        return path if path.is_file() else None


@dataclass(frozen=True)
class Hub:
    """How the hub is asked; `None` is what huggingface_hub takes by itself (HF_TOKEN, HF_HOME, HF_ENDPOINT).

    With `offline`, only its cache is looked into, and no socket is opened.
    """

    offline: bool = False
    token: str | None = None
    cache: Path | None = None
    endpoint: str | None = None
    what: str = "pyannote model"  # is looked for, in messages

    def model(self, identity: str) -> HubModel:
        """A repository by `owner/name` or `owner/name@revision`."""
        name, _, revision = identity.partition("@")
        return HubModel(self, name, revision or None)


@dataclass(frozen=True)
class HubModel:
    """A repository on the hub."""

    hub: Hub
    name: str
    revision: str | None = None

    @property
    def trusted(self) -> bool:
        return self.name.startswith(TRUSTED) and self.hub.endpoint is None

    def file(self, name: str) -> Path | None:
        """Downloads it, unless the cache has it.

        Raises:
            BackendError: no such repository, or no access to it, or no way to ask, or not here and offline.
        """
        from huggingface_hub import errors, hf_hub_download

        try:
            path = hf_hub_download(
                self.name,
                name,
                revision=self.revision,
                token=self.hub.token,
                cache_dir=self.hub.cache,
                endpoint=self.hub.endpoint,
                local_files_only=self.hub.offline,
            )
        except errors.GatedRepoError:
            raise self._error(
                f"is gated: accept its conditions at https://hf.co/{self.name}, then set HF_TOKEN"
            ) from None
        except errors.RevisionNotFoundError:
            raise self._error(f"has no revision {self.revision}: name another one, or leave it out") from None
        except errors.RepositoryNotFoundError:
            raise self._error("is not on the hub, or private: check the id, and set HF_TOKEN") from None
        except errors.LocalEntryNotFoundError as missing:
            if self.hub.offline:
                if self._known_to_lack(name):
                    return None
                raise self._error(f"({name}) is not in the cache: run it once without --offline") from None
            raise self._error(f"cannot be asked for: {_reason(missing)}; check the connection") from None
        except errors.EntryNotFoundError:
            return None
        except errors.HFValidationError:
            raise self._error("is no hub id: it is written OWNER/NAME") from None
        except (errors.HfHubHTTPError, OSError) as failed:
            raise self._error(
                f"cannot be fetched: {_reason(failed)}; check the connection and HF_TOKEN"
            ) from None
        return Path(path)

    def _known_to_lack(self, name: str) -> bool:
        """Whether the hub has said once that there is no such file: the cache keeps that, too."""
        from huggingface_hub import _CACHED_NO_EXIST, try_to_load_from_cache

        found = try_to_load_from_cache(self.name, name, cache_dir=self.hub.cache, revision=self.revision)
        return found is _CACHED_NO_EXIST

    def _error(self, why: str) -> BackendError:
        return BackendError(f"{self.hub.what} {self.name} {why}, or give a folder")


def _reason(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
