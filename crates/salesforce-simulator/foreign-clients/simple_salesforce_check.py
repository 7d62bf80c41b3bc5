"""simple-salesforce against the simulator: what works against Salesforce works here.

simple_salesforce_check.py URL KEY
"""

import csv
import io
import sys
import traceback

import requests
from requests.adapters import HTTPAdapter
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import (
    SalesforceAuthenticationFailed,
    SalesforceExpiredSession,
    SalesforceMalformedRequest,
    SalesforceOperationError,
    SalesforceResourceNotFound,
)

URL, KEY = sys.argv[1:3]
USER = "integration@batch-sync.example"
PASSWORD = "local-only-password"
CLIENT = {"consumer_key": "batch-sync", "consumer_secret": "local-only-secret"}
POLL_SECONDS = 0.05
CHECKS = []


class ToSimulator(HTTPAdapter):
    """The client builds addresses of salesforce.com itself: they lead here."""

    def send(self, request, **settings):
        _, _, rest = request.url.split("/", 2)
        path = rest.split("/", 1)[1] if "/" in rest else ""
        request.url = f"{URL}/{path}"
        return super().send(request, **settings)


def session():
    made = requests.Session()
    made.trust_env = False
    made.mount("https://", ToSimulator())
    return made


def connected(**settings):
    settings = settings or {"domain": "acme.my", **CLIENT}
    return Salesforce(version="62.0", session=session(), **settings)


def check(run):
    CHECKS.append(run)
    return run


def fails(kind, run):
    try:
        run()
    except kind as error:
        return str(error)
    raise AssertionError(f"no {kind.__name__}")


def lead(key, **more):
    return {"External_Id__c": key, "LastName": "Ames", "Company": "Acme", **more}


def codes(results):
    return ["ok" if one["success"] else one["errors"][0]["statusCode"] for one in results]


def typed(records):
    return [{"attributes": {"type": "Lead"}, **record} for record in records]


def table(text):
    return list(csv.DictReader(io.StringIO(text)))


@check
def logs_in_by_soap():
    client = Salesforce(
        username=USER, password=PASSWORD, security_token="", version="59.0", session=session()
    )
    assert "DailyApiRequests" in client.limits()


@check
def is_told_why_a_login_by_soap_failed():
    def login():
        Salesforce(username=USER, password="wrong", security_token="", version="59.0", session=session())

    assert "INVALID_LOGIN" in fails(SalesforceAuthenticationFailed, login)


@check
def logs_in_by_name_and_password():
    client = connected(username=USER, password=PASSWORD, domain="login", **CLIENT)
    assert "DailyApiRequests" in client.limits()
    wrong = {"username": USER, "password": "wrong", "domain": "login", **CLIENT}
    assert "authentication failure" in fails(SalesforceAuthenticationFailed, lambda: connected(**wrong))


@check
def logs_in_by_client_credentials():
    assert "DailyApiRequests" in connected().limits()
    wrong = {"domain": "acme.my", "consumer_key": "batch-sync", "consumer_secret": "wrong"}
    assert "invalid client" in fails(SalesforceAuthenticationFailed, lambda: connected(**wrong))


@check
def logs_in_by_jwt_bearer():
    settings = {"username": USER, "consumer_key": "batch-sync", "privatekey_file": KEY}
    assert "DailyApiRequests" in connected(domain="login", **settings).limits()
    settings["username"] = "somebody@else.example"
    message = fails(SalesforceAuthenticationFailed, lambda: connected(domain="login", **settings))
    assert "user hasn't approved this consumer" in message, message


@check
def takes_a_token_that_is_there_and_is_told_when_it_has_ended():
    token = connected().session_id
    client = connected(session_id=token, instance_url="https://acme.my.salesforce.com")
    assert "DailyApiRequests" in client.limits()
    ended = connected(session_id="00DS1000000Simu!ended", instance_url="https://acme.my.salesforce.com")
    assert "INVALID_SESSION_ID" in fails(SalesforceExpiredSession, ended.limits)


@check
def describes_objects_and_reads_limits():
    client = connected()
    assert client.describe()["maxBatchSize"] == 200
    fields = {field["name"]: field for field in client.Lead.describe()["fields"]}
    assert fields["External_Id__c"]["externalId"] and not fields["Company"]["nillable"]
    assert client.Lead.metadata()["objectDescribe"]["keyPrefix"] == "00Q"
    fails(SalesforceResourceNotFound, client.Nothing.describe)
    limits = client.limits()["DailyApiRequests"]
    assert 0 < limits["Remaining"] < limits["Max"]
    assert client.api_usage["api-usage"].total == limits["Max"]


@check
def works_with_single_records():
    client = connected()
    made = client.Account.create({"Name": "One", "ErpKey__c": "S-1"})
    assert made["success"]
    assert client.Account.get(made["id"])["Name"] == "One"
    assert client.Account.get_by_custom_id("ErpKey__c", "S-1")["Id"] == made["id"]
    assert client.Account.update(made["id"], {"Name": "Two"}) == 204
    assert client.Account.upsert("ErpKey__c/S-1", {"Name": "Three"}) == 200
    assert client.Account.upsert("ErpKey__c/S-2", {"Name": "New"}) == 201
    assert client.Account.delete(made["id"]) == 204
    message = fails(SalesforceMalformedRequest, lambda: client.Account.create({"ErpKey__c": "S-3"}))
    assert "REQUIRED_FIELD_MISSING" in message, message


@check
def creates_updates_upserts_and_deletes_collections():
    client = connected()

    def call(method, path="composite/sobjects", **settings):
        return client.restful(path, method=method, **settings)

    records = typed([lead("P-1"), lead("P-2", Email="x"), {"External_Id__c": "P-3", "Company": "Acme"}])
    created = call("POST", json={"allOrNone": False, "records": records})
    assert codes(created) == ["ok", "INVALID_EMAIL_ADDRESS", "REQUIRED_FIELD_MISSING"], created
    ids = [created[0]["id"]]
    updated = call("PATCH", json={"records": typed([{"id": ids[0], "City": "Rome"}, {"City": "x"}])})
    assert codes(updated) == ["ok", "MISSING_ARGUMENT"], updated
    records = typed([lead("P-1", City="Bonn"), lead("P-4"), lead("P-5"), lead("P-5")])
    path = "composite/sobjects/Lead/External_Id__c"
    upserted = call("PATCH", path, json={"allOrNone": False, "records": records})
    assert codes(upserted) == ["ok", "ok", "DUPLICATE_VALUE", "DUPLICATE_VALUE"], upserted
    assert [one["created"] for one in upserted[:2]] == [False, True]
    ids.append(upserted[1]["id"])
    deleted = call("DELETE", params={"ids": ",".join(ids + ids[:1]), "allOrNone": "false"})
    assert codes(deleted) == ["ok", "ok", "ENTITY_IS_DELETED"], deleted
    too_many = typed(lead(f"P-{number}") for number in range(201))
    message = fails(SalesforceMalformedRequest, lambda: call("POST", json={"records": too_many}))
    assert "EXCEEDED_ID_LIMIT" in message, message


@check
def loads_by_bulk_api_2_with_both_kinds_of_results():
    client = connected()
    emails = {number: "x" if number % 100 == 7 else "a@b.co" for number in range(500)}
    records = [lead(f"B-{number}", Email=email) for number, email in emails.items()]
    [job] = client.bulk2.Lead.upsert(records=records, external_id_field="External_Id__c", wait=POLL_SECONDS)
    assert (job["numberRecordsTotal"], job["numberRecordsProcessed"], job["numberRecordsFailed"]) == (500, 500, 5), job
    results = client.bulk2.Lead.get_all_ingest_records(job["job_id"])
    good, bad = results["successfulRecords"], results["failedRecords"]
    assert len(good) == 495 and not results["unprocessedRecords"]
    assert {row["External_Id__c"] for row in bad} == {f"B-{n}" for n, email in emails.items() if email == "x"}
    assert all(row["sf__Error"].startswith("INVALID_EMAIL_ADDRESS:") for row in bad), bad
    assert all(row["sf__Created"] == "true" and row["sf__Id"].startswith("00Q") for row in good)

    changes = [{"Id": row["sf__Id"], "City": 'Rome, "the" city'} for row in good]
    [job] = client.bulk2.Lead.update(records=changes, wait=POLL_SECONDS)
    assert job["numberRecordsFailed"] == 0, job
    found = table(client.bulk2.Lead.get_successful_records(job["job_id"]))
    assert len(found) == 495 and {row["City"] for row in found} == {'Rome, "the" city'}
    [job] = client.bulk2.Lead.insert(records=[lead("B-0"), lead("B-new")], wait=POLL_SECONDS)
    [row] = table(client.bulk2.Lead.get_failed_records(job["job_id"]))
    assert row["sf__Error"].startswith("DUPLICATE_VALUE:"), row
    [job] = client.bulk2.Lead.delete(records=[{"Id": row["sf__Id"]} for row in good], wait=POLL_SECONDS)
    assert (job["numberRecordsProcessed"], job["numberRecordsFailed"]) == (495, 0), job


@check
def sees_a_bulk_job_fail():
    client = connected()
    records = [{"LastName": "A", "Nothing__c": "x"}]
    message = fails(
        SalesforceOperationError,
        lambda: client.bulk2.Lead.insert(records=records, wait=POLL_SECONDS),
    )
    assert "Field name not found : Nothing__c" in message, message


@check
def queries_page_after_page():
    client = connected()
    for start in range(0, 2500, 200):
        records = typed(lead(f"Q-{number}", City="Paris") for number in range(start, min(start + 200, 2500)))
        client.restful("composite/sobjects/Lead/External_Id__c", method="PATCH", json={"records": records})
    query = "SELECT Id, External_Id__c FROM Lead WHERE City = 'Paris'"
    first = client.query(query)
    assert (first["totalSize"], first["done"], len(first["records"])) == (2500, False, 2000)
    second = client.query_more(first["nextRecordsUrl"], identifier_is_url=True)
    assert (second["done"], len(second["records"])) == (True, 500)
    assert len(client.query_all(query)["records"]) == 2500
    assert "unexpected token" in fails(SalesforceMalformedRequest, lambda: client.query("SELECT FROM Lead"))


def main():
    failed = 0
    for run in CHECKS:
        name = run.__name__.replace("_", " ")
        try:
            run()
            print(f"ok: simple-salesforce {name}")
        except Exception:
            failed += 1
            print(f"FAILED: simple-salesforce {name}")
            traceback.print_exc(file=sys.stdout)
    sys.exit(1 if failed else 0)


main()
