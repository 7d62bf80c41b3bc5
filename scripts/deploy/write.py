"""Writes what is generated: the settings into the chart's schema, the table of values into its README."""

import repository

for file, changed in (("values.schema.json", repository.with_settings), ("README.md", repository.with_values)):
    path = repository.CHART / file
    path.write_text(changed(path.read_text()))
