"""What deploy/salesforce brings into an org: whether the permission sets fit the fields, and the object of org-check
that of the simulator."""

import json
import xml.etree.ElementTree as xml

from repository import ROOT

SOURCE = ROOT / "deploy/salesforce/force-app/main/default"
# What `batch-sync org-check` gives the simulator.
CHECKED = ROOT / "crates/batch-sync/src/org_check/object.json"
NAMESPACE = "{http://soap.sforce.com/2006/04/metadata}"
# Fields that Salesforce has itself, and that a permission set may grant.
STANDARD = {"Lead.Email"}


def read(path):
    root = xml.parse(path).getroot()
    for it in root.iter():
        assert it.tag.startswith(NAMESPACE), f"{path}: {it.tag} is of no namespace of metadata"
        it.tag = it.tag.removeprefix(NAMESPACE)
    return root


def fields():
    """The fields, by object and name."""
    found = {}
    for path in SOURCE.glob("objects/*/fields/*.field-meta.xml"):
        field = read(path)
        name = field.findtext("fullName")
        assert path.name == f"{name}.field-meta.xml"
        found[f"{path.parts[-3]}.{name}"] = field
    return found


def permission_sets():
    return {it.name.split(".")[0]: read(it) for it in SOURCE.glob("permissionsets/*.permissionset-meta.xml")}


def test_permission_sets_grant_each_field_but_those_that_everybody_may_fill():
    ours = fields()
    required = {name for name, it in ours.items() if it.findtext("required") == "true"}
    granted = set()
    for it in permission_sets().values():
        for permission in it.iter("fieldPermissions"):
            assert permission.findtext("editable") == permission.findtext("readable") == "true"
            granted.add(permission.findtext("field"))
    # Salesforce refuses to deploy a permission for a required field.
    assert granted == (set(ours) - required) | STANDARD


def test_permission_sets_give_no_rights_over_records_of_others():
    granted = {}
    for name, it in permission_sets().items():
        assert [permission.findtext("name") for permission in it.iter("userPermissions")] == ["ApiEnabled"]
        for rights in it.iter("objectPermissions"):
            assert rights.findtext("modifyAllRecords") == rights.findtext("viewAllRecords") == "false"
            granted[name] = (rights.findtext("object"), rights.findtext("allowDelete"))
    assert granted == {"Batch_Sync_Loader": ("Lead", "false"), "Batch_Sync_Check": ("Batch_Sync_Check__c", "true")}


def test_keys_are_external_ids_and_unique():
    keys = {name for name, it in fields().items() if it.findtext("externalId") == "true"}
    assert keys == {"Lead.External_Id__c", "Batch_Sync_Check__c.Key__c"}
    assert all(fields()[it].findtext("unique") == "true" for it in keys)


def test_the_object_of_org_check_is_the_one_that_the_simulator_has():
    checked = json.loads(CHECKED.read_text())["objects"][0]
    types = {"Text": "string", "Number": "double", "Date": "date", "Checkbox": "boolean", "Picklist": "picklist"}
    deployed = {}
    for name, it in fields().items():
        if name.startswith(checked["name"] + "."):
            described = {"label": it.findtext("label"), "type": types[it.findtext("type")]}
            if it.findtext("length"):
                described["length"] = int(it.findtext("length"))
            if it.findtext("type") == "Number":
                described |= {"precision": int(it.findtext("precision")), "scale": int(it.findtext("scale"))}
            if it.findtext("type") == "Picklist":
                assert it.findtext("valueSet/restricted") == "true"
                described |= {"restricted": True, "length": 255, "values": [v.findtext("fullName") for v in it.iter("value")]}
            described |= {flag: True for flag in ("externalId", "unique", "required") if it.findtext(flag) == "true"}
            deployed[it.findtext("fullName")] = described
    expected = {it.pop("name"): it for it in checked["fields"] if it["name"] != "Name"}
    assert deployed == expected
