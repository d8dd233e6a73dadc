"""What journeys through the gate share: the search for estimates, and decisions filled in."""

import json
import re
import sqlite3

import pandas as pd

AS_OF = pd.Timestamp("2026-10-01")


WITHHELD = 3


def estimates_in(workspace, scores=None):
    """Every file below the workspace that holds an estimate of somebody on the list's date.

    Tables with a score of that date, lists with a step, pages that show one. With ``scores`` (person_id, score),
    also every table, database and text, whatever its columns are called, in which one of these people stands beside
    their own score.
    """
    return [path for path in sorted(workspace.rglob("*")) if path.is_file() and holds_estimate(path, scores)]


def holds_estimate(path, scores):
    if path.suffix == ".parquet":
        table = pd.read_parquet(path)
        if "score" in table and "as_of" in table and (pd.to_datetime(table["as_of"]) >= AS_OF).any():
            return True
        return scores is not None and "person_id" in table and pairs_in(table, scores)
    if path.suffix == ".db":
        return scores is not None and database_holds(path, scores)
    text = path.read_bytes().decode("utf-8", errors="replace")
    if path.name == "list.json":
        return bool(re.search(r'"step": [1-4]', text))
    if path.suffix in (".html", ".csv") and re.search(r"[Aa]bout [1357] in 10", text) and "cases" in path.name:
        return True
    return scores is not None and text_holds(text, scores)


def pairs_in(table, scores):
    """Whether somebody stands in a row beside their score; chance hits of one row are not counted.

    Rows of a past caseload are no estimates of today, even where a card gave the same points then.
    """
    if "as_of" in table:
        table = table[pd.to_datetime(table["as_of"]) >= AS_OF]
    numbers = table.select_dtypes("number")
    own = table["person_id"].astype(str).map(scores).astype(float)
    return bool((numbers.sub(own, axis=0).abs() < 1e-7).any(axis=1).sum() > 1)


def text_holds(text, scores):
    return sum(person in text and f"{score:.6f}".rstrip("0") in text for person, score in scores.items()) > 1


def database_holds(path, scores):
    with sqlite3.connect(path) as connection:
        return text_holds("\n".join(connection.iterdump()), scores)


def scores_of(quarter):
    """Today's scores as the list made under the release holds them: what a search looks for."""
    table = pd.read_parquet(next((quarter.workspace / "lists").glob("*/scores.parquet")))
    return table.dropna().set_index("person_id")["score"].to_dict()


def people_on_the_list(quarter):
    lists = sorted((quarter.workspace / "lists").glob("*/list.json"))
    return json.loads(lists[-1].read_text(encoding="utf-8"))


def refused(quarter, *causes):
    """Score and list exit 3 and name each cause, and the search finds no estimate."""
    scored, listed = quarter.score(), quarter.do("list")
    for ran in (scored, listed):
        assert ran.returncode == WITHHELD, ran.stderr
        assert "Traceback" not in ran.stderr
        for cause in causes:
            assert re.search(cause, ran.stderr), ran.stderr
    assert estimates_in(quarter.workspace) == []
    page = quarter.page()
    assert "segment" not in re.sub(r"<style>.*?</style>", "", page, flags=re.S)
    return page


OWN_FEATURE = """
[[feature]]
name = "pace_of_offences"
definition = 'count(offences, within="1y") - count(offences, within="3y", until="1y") / 2'
family = "pace of offending"
justification = "Offending that is speeding up is linked with proven reoffending."
raises = "offences in the last year, less those in a usual year before: {value}"
sign = 1
kind = "history"
"""


def keys_of(quarter):
    told = json.loads(quarter.do("keys", "list", "--json").stdout)["keys"]
    return {key["holder"]: key["key_id"] for key in told}


CONDITION = """
[[condition]]
text = "Look again at the groups that cannot be told"
owner = "Demo analyst"
due = 2027-03-31
"""


def decision_file(quarter, tmp_path, **changes):
    """A filled-in decision that answers every question in the widest scope possible; ``changes`` replace its lines."""
    blank = tmp_path / "decision.toml"
    assert quarter.do("sign", "--blank", blank).returncode == 0
    text = blank.read_text(encoding="utf-8")
    reason = "Accepted with reasons: the pilot is small and the list is reviewed by people."
    filled = {"decision": '"approve"', "reasons": f'"{reason}"', "interests": '"none"'}
    filled["no_shadow_reason"] = '"Everything here is made up: there is no panel."'
    filled["scope"] = f'"{re.search("Possible: ([a-z]+)", text)[1]}"' if "decision" not in changes else '""'
    filled |= changes
    lines = []
    for line in text.splitlines():
        key = line.partition(" = ")[0]
        if key in filled:
            line = f"{key} = {filled[key]}"
        elif line.endswith(' = ""') and not line.startswith("#"):
            line = line.replace(' = ""', f' = "{reason}"')
        lines.append(line)
    more = CONDITION if filled["scope"] == '"conditions"' else ""
    blank.write_text("\n".join(lines) + more, encoding="utf-8")
    return blank


def signed(quarter, tmp_path, holder, **changes):
    password = tmp_path / "password"
    password.write_text("demo\n", encoding="utf-8")
    decision = decision_file(quarter, tmp_path, **changes)
    return quarter.do("sign", decision, "--holder", holder, "--password-file", password)


def pilot_of(most_people):
    return f"\n[pilot]\nmost_people = {most_people}\nends = 2027-03-01\nevaluated_on = 2027-02-01\n"


def sign_pilot(quarter, tmp_path, most_people):
    """Both role holders approve a pilot and it is released."""
    quarter.without_sign_offs()
    password = tmp_path / "password"
    password.write_text("demo\n", encoding="utf-8")
    decision = decision_file(quarter, tmp_path, scope='"pilot"')
    decision.write_text(decision.read_text(encoding="utf-8") + pilot_of(most_people), encoding="utf-8")
    for holder in ("Demo chair", "Demo data protection officer"):
        ran = quarter.do("sign", decision, "--holder", holder, "--password-file", password)
        assert ran.returncode == 0, ran.stderr
    return quarter.do("release")
