"""What tests of linkage share: who is who, as the links say."""


def ids(partnership):
    """person_id by agency number as the links say."""
    links, _ = partnership.store.links()
    return links.set_index("agency_person")["person_id"].to_dict()


def rows(partnership):
    links, _ = partnership.store.links()
    return links.set_index("agency_person")[["method", "weight", "confirmed"]].T.to_dict("list")
