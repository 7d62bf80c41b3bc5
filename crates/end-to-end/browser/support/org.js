// An org as the API describes it, for tests of what the page makes of it.

const field = (name, type, more = {}) => ({
  name, label: name.replace(/__c$/, "").replace(/([a-z])([A-Z])/g, "$1 $2").replaceAll("_", " "), type,
  length: 0, digits: 0, precision: 0, scale: 0, required: false, externalId: false, idLookup: false, unique: false,
  createable: true, updateable: true, values: [], valuesCount: 0, referenceTo: [], relationshipName: null, ...more,
});
const key = (name, more = {}) => field(name, "string", { length: 64, externalId: true, idLookup: true, unique: true, ...more });
const id = field("Id", "id", { length: 18, idLookup: true, createable: false, updateable: false });
const described = (name, fields) => ({ name, createable: true, updateable: true, deletable: true, fields: [id, ...fields] });

export const CONTACT = described("Contact", [
  key("ErpKey__c", { label: "ERP No" }),
  field("LastName", "string", { length: 80, required: true, label: "Last Name" }),
  field("Email", "email", { length: 80, idLookup: true }),
  field("Birthdate", "date"),
  field("AccountId", "reference", { referenceTo: ["Account"], relationshipName: "Account", label: "Account ID" }),
  field("LeadSource", "picklist", { length: 255, values: ["Web", "Phone", "Partner", "Fair", "Other"], valuesCount: 5, label: "Lead Source" }),
  field("Name", "string", { length: 121, createable: false, updateable: false, label: "Full Name" }),
  field("Score__c", "double", { precision: 5, scale: 2 }),
]);
export const ACCOUNT = described("Account", [key("ErpKey__c"), field("Name", "string", { length: 255, required: true })]);
export const BIG = described("Big__c", [key("Key__c"), ...Array.from({ length: 799 }, (_, at) => field(`Field_${at}__c`, "string", { length: 255 }))]);

/** Answers for the calls that an org would have to answer. */
export const ORG = {
  "/api/salesforce/objects": { objects: [CONTACT, ACCOUNT, BIG].map(({ fields, ...object }) => ({ ...object, label: object.name.replace(/__c$/, "") })) },
  "/api/salesforce/objects/Contact": CONTACT,
  "/api/salesforce/objects/Account": ACCOUNT,
  "/api/salesforce/objects/Big__c": BIG,
};

export const NO_ORG = { "/api/salesforce/objects": { http: 409, error: "this server does not know an org: set SALESFORCE_LOGIN_URL and SALESFORCE_CLIENT_ID" } };

/** Runs in the page, before all else: some calls have these answers, and what was sent is kept in `window.sent`. */
export function answering(answers) {
  const real = window.fetch;
  window.sent = [];
  window.fetch = async (path, options = {}) => {
    window.sent.push({ path, method: options.method ?? "GET", body: options.body ? JSON.parse(options.body) : null });
    const named = Object.keys(answers).find((known) => known.toLowerCase() === path.toLowerCase());
    const answer = answers[`${options.method ?? "GET"} ${path}`] ?? answers[named];
    if (answer === undefined) {
      if (answers["/api/salesforce/objects"] && path.startsWith("/api/salesforce/objects/")) return new Response(JSON.stringify({ error: "the org has no such object" }), { status: 404 });
      return real(path, options);
    }
    const { http = 200, ...body } = Array.isArray(answer) ? (answer.length > 1 ? answer.shift() : answer[0]) : answer;
    return new Response(JSON.stringify(body), { status: http, headers: { "Content-Type": "application/json" } });
  };
}
