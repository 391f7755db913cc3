"""Secrets that are kept in files, as Docker, Kubernetes and systemd hand them over."""

import os
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import PydanticBaseSettingsSource
from typing_extensions import override

from app.settings.names import GIVEN_NAMES, SettingsError, variable_name


class SecretFiles(PydanticBaseSettingsSource):
    """Secrets kept in files: ``<NAME>_FILE`` holds the path (Docker and Kubernetes secrets, systemd credentials)."""

    @override
    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        return None, field_name, False

    @override
    def __call__(self) -> dict[str, Any]:
        found = {}
        for name, field in self.settings_cls.model_fields.items():
            path = os.environ.get(variable_name(name) + "_FILE")
            if path and is_secret(field):
                try:
                    found[GIVEN_NAMES.get(name, name)] = Path(path).read_text(encoding="utf-8").strip()
                except (OSError, UnicodeDecodeError) as error:
                    raise SettingsError(f"{variable_name(name)}_FILE: cannot read {path}: {error}") from None
        return found


def is_secret(field: FieldInfo) -> bool:
    """Whether a setting is shown to nobody."""
    return "SecretStr" in str(field.annotation)
