#!/usr/bin/env bash
# The notebooks are clean and the package is what they export: checked on a copy, so that the checkout is left alone.
set -euo pipefail
bin="$PWD/.venv/bin"
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' file; do
  if [ -e "$file" ]; then mkdir -p "$copy/$(dirname "$file")"; cp -p "$file" "$copy/$file"; fi
done
cd "$copy"
git init -q && git add -A && git -c user.name=test -c user.email=test@example.org commit -qm before
"$bin/nbdev_clean"
"$bin/nbdev_export"
changed=$(git status --porcelain)
if [ -n "$changed" ]; then
  echo "The notebooks are not clean or the package is not what they export; run nbdev_clean and nbdev_export:" >&2
  echo "$changed" >&2
  exit 1
fi
echo "notebooks and package in sync"
