# Installs a package in an empty environment, and uses it there: works_alone.sh dist/manyshot-1.0-py3-none-any.whl
set -e
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
"${PYTHON:-python3}" -m venv "$scratch/venv"
"$scratch/venv/bin/python" -m pip install --quiet --disable-pip-version-check --constraint constraints.txt "$1"
PATH="$scratch/venv/bin:$PATH"
cd "$scratch"
manyshot --help > help.txt
manyshot train digits --quiet --steps 4 --ways 3 --queries 2 --validation-tasks 3 --out run
printf 'text,label\nbook a table,book\ncancel it,cancel\na room please,book\ncancel my order,cancel\n' > asked.csv
manyshot fit asked.csv --quiet --encoder ngrams --plan none --head centroid --out model
manyshot predict model asked.csv --out answers.csv
