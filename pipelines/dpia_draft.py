"""A draft data protection impact assessment under the headings of the ICO's template, from the register of agreements.

What the tool knows is filled in; what only people can know is marked with who writes it. A draft decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from desist.intake.terms.agreements import CONSENT_SOURCES, Agreement
from desist.intake.terms.contracts import CHARACTERISTICS, CONTRACTS, REFUSED_CLASSES
from desist.intake.terms.uses import ESTIMATE, USES
from desist.pipelines.data_map import PLACES, PURPOSES, REGIMES, DataMap
from desist.reports.documents import Document, Part
from desist.reports.pages import TextTable
from desist.reports.wording import day, listed

CONTROLLER, OFFICER, OWNER = "the controllers", "the data protection officer", "the senior responsible owner"
#: What can go wrong, what the toolkit does about it, and which question that leaves (DOMAIN sections 7, 8 and 12).
RISKS: tuple[tuple[str, str, str], ...] = (
    ("Two people's records are joined as one, or one person's are not found",
     "exact identifiers first, then a model trained without labels; doubtful pairs wait for a data steward; a person "
     "whose links conflict gets no estimate; wrong and missed links are measured by community",
     "how many wrong links are left at the stated noise"),
    ("Recorded offending follows where police look, so estimates may burden a community more",
     "fairness audit by community before every release, label-bias tests, limits the board set beforehand; no estimate "
     "without signed approval", "whether what is left is necessary and proportionate"),
    ("A person is treated by a number",
     "a list says whom to consider and ranks nobody by estimate; a named person decides, with reasons; override costs "
     "no more than agreement", "whether staff in fact decide (DPA 2018 s.50A-50D)"),
    ("Somebody learns of a person's treatment, health or identity who should not",
     "names apart from measurements; treatment rows by consent or basis; what is disclosed in treatment is never in an "
     "estimate; no names or numbers in logs", "who holds which role, and how access is taken away"),
    ("A person asks for access, correction, restriction or erasure, or withdraws consent",
     "commands reach every place where data lies and end in a receipt; keyed suppression tokens, of numbers, "
     "identifiers and name with birth date, keep an erased person's rows out of later extracts, and name nobody; the "
     "receipt discloses them; training runs made with their data are named",
     "what decisions kept six years still say of the person"),
    ("Data is kept longer than agreed", "a clock per extract; overdue data stops scoring and is listed",
     "who decides to keep longer, and why"),
    ("Lists live on in inboxes", "an inventory of exports with recipient and end; marks on every page",
     "how old copies are destroyed"),
    ("A child, a victim or a witness is drawn in",
     "rows about people under eighteen, victims and witnesses are refused as they come in; no list shows a child",
     "whether an agency's own categories can be trusted"),
)  # fmt: skip


def dpia_draft(found: DataMap) -> Document:
    """The draft as a document, in the seven steps of the ICO's template."""
    about = found.about
    return Document(
        title="Data protection impact assessment: draft",
        lead=("Made from the register of sharing agreements before any data comes in. Filled in where the toolkit "
              "knows the answer; the rest says who has to write it. A draft approves nothing.",),
        facts=(("Partnership", about.name), ("Area", about.area),
               ("Agreements", listed(found.agreements) or "none yet"),
               ("Impact assessments referred to", listed(dict.fromkeys(a.dpia for a in found.agreements.values()))
                or "none yet")),
        parts=tuple(_steps(found)),
        foot=("Under headings of the Information Commissioner's template for an impact assessment.",
              "The data map beside this file names every column; both are made again by `desist init`."),
        made_up=about.made_up,
    )  # fmt: skip


def _steps(found: DataMap) -> Iterator[Part]:
    yield Part(
        "Step 1: Identify the need for an assessment",
        ("The toolkit estimates how likely proven reoffending is, for adults under supervision, from records of "
         "several agencies. It combines data sets, uses data about criminal convictions and in part about health, and "
         "supports decisions with consequences for people: an assessment is needed before processing begins.",),
        to_write=((CONTROLLER, "what this partnership wants to achieve, and why it needs personal data for it."),),
    )  # fmt: skip
    yield from _describe(found)
    yield Part(
        "Step 3: Consultation",
        ("People whose data is used, and those who speak for them, are asked before the first release.",),
        to_write=(
            (CONTROLLER, "whom you asked (people under supervision, communities, staff) and what they said."),
            (OFFICER, "your advice, and what was done with it."),
        ),
    )
    yield from _necessity(found)
    yield _risks()
    yield _measures(found)
    yield Part(
        "Step 7: Sign off and record outcomes",
        ("Nothing is signed in this file. The board signs each release in the toolkit, with its own keys.",),
        to_write=(
            (OWNER, "which measures and residual risks are approved; where a high risk is left, that the Information "
             "Commissioner was consulted before processing."),
            (OFFICER, "summary of advice, and who keeps this assessment under review."),
        ),
    )  # fmt: skip


def _describe(found: DataMap) -> Iterator[Part]:
    agreements = list(found.agreements.values())
    yield Part("Step 2: Describe the processing")
    yield Part(
        "Nature", level=3,
        text=("Agencies send extracts; each file is read through its agreement, columns outside it are dropped as it "
              "is read, and rows of refused kinds leave only a count. Records of one person are linked under a "
              "pseudonym made with the partnership's own key. Measurements of what was recorded before a date go into "
              "a model; an audit by community, sign-offs and an automatic gate come before any list.",
              "Estimates are an aid to a person's decision. Each has its reasons, its range and its end."),
        tables=(TextTable("Where data lies", ("Place", "Holds", "Read by", "Kept"), PLACES,
                          in_words=frozenset(range(4))),),
        to_write=((CONTROLLER, "who hosts the machine, who may log in, how it is backed up."),),
    )  # fmt: skip
    yield Part("Scope", level=3, text=tuple(_scope(found, agreements)),
               to_write=((CONTROLLER, "how many people it concerns, over which area, how often."),))  # fmt: skip
    yield Part(
        "Context", level=3,
        text=("People did not ask for this processing and can hardly refuse it; most data is about convictions. "
              "Children, victims and witnesses are left out as rows come in.",),
        to_write=((CONTROLLER, "what people are told (privacy notice), what they would expect, and concerns so far."),),
    )  # fmt: skip
    purposes = dict.fromkeys(name for agreement in agreements for name in agreement.purposes)
    yield Part(
        "Purposes", level=3, points=tuple(f"{name}: {PURPOSES[name]}" for name in purposes),
        text=("A run declares one purpose, and reads only under agreements that cover it.",)
        if purposes
        else ("No agreement names a purpose yet.",),
        to_write=((CONTROLLER, "what benefit is expected, for whom, and how you will tell that it came."),),
    )


def _scope(found: DataMap, agreements: list[Agreement]) -> Iterator[str]:
    tables = dict.fromkeys(table for agreement in agreements for table in agreement.tables)
    if not tables:
        yield "No agreement is in the register yet, so no data can come in."
        return
    for agreement in agreements:
        yield (
            f"{agreement.id} ({agreement.source}): people who are {listed(agreement.subject_categories)}; "
            f"{len(agreement.tables)} tables; {agreement.gateway}; {REGIMES[agreement.regime]}; valid "
            f"{day(agreement.start)} to {day(agreement.expires)}; extracts kept {agreement.retention_days} days."
        )
    used = [table for table in tables if USES[table].kind == ESTIMATE]
    yield f"Tables that can count in an estimate: {listed(used) or 'none'}."
    shared = [
        name
        for name in CHARACTERISTICS
        if any(name in agreement.tables.get("equality", ()) for agreement in agreements)
    ]
    yield (
        f"Protected characteristics, for the fairness audit alone: {listed(shared)}."
        if shared
        else "No protected characteristic is shared: differences between communities cannot be assessed."
    )
    if any(agreement.source in CONSENT_SOURCES for agreement in agreements):
        yield "Health data (treatment) comes in only for people whose consent or legal basis is recorded, row by row."
    if any(not CONTRACTS[table].of_people for table in tables):
        yield "Counts about no person come in beside it."


def _necessity(found: DataMap) -> Iterator[Part]:
    gateways = tuple(
        f"{agreement.id}: {agreement.gateway} ({REGIMES[agreement.regime]}); appropriate policy document "
        f"{agreement.apd}; impact assessment {agreement.dpia}"
        for agreement in found.agreements.values()
    )
    unread = [f"{name}: {', '.join(columns)}" for name, columns in found.unread().items()]
    minimum = (
        "Columns that no estimate reads; each is needed for something else, or should be left out of its agreement:"
        if unread
        else "Every column of the register has a stated use."
    )
    yield Part(
        "Step 4: Assess necessity and proportionality",
        ("Lawful basis and gateway, by agreement:",) if gateways else ("No agreement names a gateway yet.",),
        gateways,
        to_write=(
            (CONTROLLER, "for sensitive processing: why it is strictly necessary, the condition of Schedule 8, that no "
             "less intrusive way reaches the purpose (DPA 2018 s.35 and s.42)."),
            (CONTROLLER, "how people's rights are served, and how drift of purpose is prevented."),
        ),
    )  # fmt: skip
    yield Part("Data minimisation", (minimum,), tuple(unread), level=3)
    yield Part("Questions the register raises", () if found.questions() else ("None.",), found.questions(), level=3)


def _risks() -> Part:
    rows = tuple((risk, "", "", "") for risk, _, _ in RISKS)
    header = ("Source of risk and what it does to people", "Likelihood", "Severity", "Overall")
    return Part(
        "Step 5: Identify and assess risks",
        ("Risks known from the field. Likelihood and severity are for the partnership to judge.",),
        tables=(TextTable("Risks", header, rows, in_words=frozenset(range(4))),),
        to_write=((CONTROLLER, "likelihood (remote, possible, probable) and severity (minimal, significant, severe) of "
                   "each, and risks of your own."),),
    )  # fmt: skip


def _measures(found: DataMap) -> Part:
    header = ("Risk", "What the toolkit does", "What is left to settle")
    return Part(
        "Step 6: Identify measures to reduce risk",
        (f"Refused by name, whatever an agreement says: {listed(REFUSED_CLASSES)}.",),
        tables=(TextTable("Measures", header, RISKS, in_words=frozenset(range(3))),),
        to_write=((OWNER, "which measures are approved, what risk is left after each, and what else you do."),),
    )
