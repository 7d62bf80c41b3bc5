// jsforce against the simulator: what works against Salesforce works here.
// node jsforce.mjs URL KEY; the folder that jsforce is installed in comes in JSFORCE.
import assert from 'node:assert/strict';
import { createSign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(`${process.env.JSFORCE}/`);
const jsforce = require('jsforce');
const [url, keyFile] = process.argv.slice(2);
const version = '62.0';
const user = 'integration@batch-sync.example';
const password = 'local-only-password';
const clientId = 'batch-sync';
const clientSecret = 'local-only-secret';
const organization = '00DS1000000SimuMAC';
const oauth2 = { loginUrl: url, clientId, clientSecret };

const checks = [];
const check = (name, run) => checks.push([name, run]);

/** A connection that is logged in. */
async function connected() {
  const connection = new jsforce.Connection({ instanceUrl: url, oauth2, version });
  await connection.authorize({ grant_type: 'client_credentials' });
  return connection;
}

function assertion() {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = { iss: clientId, sub: user, aud: 'https://login.salesforce.com', exp: Math.floor(Date.now() / 1000) + 120 };
  const signed = `${part({ alg: 'RS256' })}.${part(claims)}`;
  const signature = createSign('RSA-SHA256').update(signed).sign(readFileSync(keyFile), 'base64url');
  return `${signed}.${signature}`;
}

const lead = (key, more = {}) => ({ External_Id__c: key, LastName: 'Ames', Company: 'Acme', ...more });
const codes = (results) => results.map((result) => (result.success ? 'ok' : result.errors[0].statusCode));

check('logs in by SOAP, and out', async () => {
  const connection = new jsforce.Connection({ loginUrl: url, version: '60.0' });
  const info = await connection.login(user, password);
  assert.equal(info.organizationId, organization);
  assert.equal(info.id, '005S1000000SimuIAC');
  assert.ok((await connection.describeGlobal()).sobjects.length >= 4);
  await connection.logout();
});

check('is told why a login by SOAP failed', async () => {
  const connection = new jsforce.Connection({ loginUrl: url, version: '60.0' });
  await assert.rejects(connection.login(user, 'wrong'), /INVALID_LOGIN/);
});

check('logs in by name and password', async () => {
  const connection = new jsforce.Connection({ oauth2, version });
  const info = await connection.login(user, password);
  assert.equal(info.organizationId, organization);
  await assert.rejects(new jsforce.Connection({ oauth2 }).login(user, 'wrong'), /authentication failure/);
});

check('logs in by client credentials', async () => {
  const connection = new jsforce.Connection({ oauth2, version });
  const info = await connection.authorize({ grant_type: 'client_credentials' });
  assert.equal(info.organizationId, organization);
  assert.equal((await connection.identity()).username, user);
});

check('logs in by JWT bearer', async () => {
  const connection = new jsforce.Connection({ oauth2, version });
  const grant_type = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
  await connection.authorize({ grant_type, assertion: assertion() });
  assert.equal((await connection.identity()).organization_id, organization);
  const [head, , signature] = assertion().split('.');
  const [, claims] = assertion().split('.');
  const forged = `${head}.${Buffer.from(claims).toString('base64url')}.${signature}`;
  await assert.rejects(connection.authorize({ grant_type, assertion: forged }), /invalid/);
});

check('refreshes an ended session once, by refresh token', async () => {
  let refreshed = 0;
  const connection = new jsforce.Connection({
    oauth2, instanceUrl: url, version, accessToken: '00DS1000000Simu!ended', refreshToken: 'local-only-refresh-token',
  });
  connection.on('refresh', () => { refreshed += 1; });
  const answers = await Promise.all([connection.describe('Lead'), connection.describe('Account')]);
  assert.deepEqual(answers.map((answer) => answer.name), ['Lead', 'Account']);
  assert.equal(refreshed, 1);
});

check('is told that a session has ended', async () => {
  const connection = new jsforce.Connection({ instanceUrl: url, accessToken: '00DS1000000Simu!wrong', version });
  await assert.rejects(connection.describe('Lead'), /INVALID_SESSION_ID/);
});

check('describes objects', async () => {
  const connection = await connected();
  const global = await connection.describeGlobal();
  assert.equal(global.maxBatchSize, 200);
  const described = await connection.describe('Lead');
  const field = (name) => described.fields.find((one) => one.name === name);
  assert.equal(field('External_Id__c').externalId, true);
  assert.equal(field('LastName').nillable, false);
  assert.deepEqual(field('Account__c').referenceTo, ['Account']);
  assert.equal(field('Status').picklistValues[0].value, 'Open - Not Contacted');
  await assert.rejects(connection.describe('Nothing'), /NOT_FOUND|requested resource does not exist/);
});

check('reads the limits, also from the header', async () => {
  const connection = await connected();
  const limits = await connection.limits();
  assert.ok(limits.DailyApiRequests.Remaining < limits.DailyApiRequests.Max);
  assert.equal(connection.limitInfo.apiUsage.limit, limits.DailyApiRequests.Max);
});

check('creates, updates, upserts and deletes collections, each row with its own result', async () => {
  const connection = await connected();
  const leads = connection.sobject('Lead');
  const created = await leads.create([lead('J-1'), lead('J-2', { LastName: undefined }), lead('J-3', { Email: 'x' })]);
  assert.deepEqual(codes(created), ['ok', 'REQUIRED_FIELD_MISSING', 'INVALID_EMAIL_ADDRESS']);
  const changed = await leads.update([{ Id: created[0].id, City: 'Rome' }, { Id: '00QS10000000zzzAAA', City: 'x' }]);
  assert.deepEqual(codes(changed), ['ok', 'INVALID_CROSS_REFERENCE_KEY']);
  const upserted = await leads.upsert([lead('J-1', { City: 'Bonn' }), lead('J-4'), lead('J-5'), lead('J-5')], 'External_Id__c');
  assert.deepEqual(codes(upserted), ['ok', 'ok', 'DUPLICATE_VALUE', 'DUPLICATE_VALUE']);
  assert.deepEqual(upserted.slice(0, 2).map((result) => result.created), [false, true]);
  assert.equal(upserted[0].id, created[0].id);
  const deleted = await leads.destroy([created[0].id, upserted[1].id, created[0].id]);
  assert.deepEqual(codes(deleted), ['ok', 'ok', 'ENTITY_IS_DELETED']);
});

check('rolls all back when asked for all or none', async () => {
  const connection = await connected();
  const results = await connection.sobject('Lead').create([lead('N-1'), lead('N-2', { Email: 'x' })], { allOrNone: true });
  assert.deepEqual(codes(results), ['ALL_OR_NONE_OPERATION_ROLLED_BACK', 'INVALID_EMAIL_ADDRESS']);
  assert.equal((await connection.query("SELECT COUNT() FROM Lead WHERE External_Id__c LIKE 'N-%'")).totalSize, 0);
});

check('is refused 201 records in one call, and splits 450 itself', async () => {
  const connection = await connected();
  const many = (count) => Array.from({ length: count }, (_, number) => ({ Name: `A ${number}`, ErpKey__c: `M-${number}` }));
  await assert.rejects(connection.sobject('Account').create(many(201)), /EXCEEDED_ID_LIMIT|200/);
  const results = await connection.sobject('Account').create(many(450), { allowRecursive: true });
  assert.equal(results.filter((result) => result.success).length, 450);
});

check('works with single records', async () => {
  const connection = await connected();
  const accounts = connection.sobject('Account');
  const { id } = await accounts.create({ Name: 'One', ErpKey__c: 'S-1' });
  assert.equal((await accounts.retrieve(id)).Name, 'One');
  assert.ok((await accounts.update({ Id: id, Name: 'Two' })).success);
  assert.ok((await accounts.upsert({ ErpKey__c: 'S-1', Name: 'Three' }, 'ErpKey__c')).success);
  assert.equal((await accounts.retrieve(id)).Name, 'Three');
  assert.ok((await accounts.destroy(id)).success);
  await assert.rejects(accounts.retrieve(id), /ENTITY_IS_DELETED|deleted/);
});

check('finds a parent by its external id', async () => {
  const connection = await connected();
  await connection.sobject('Account').create({ Name: 'Parent', ErpKey__c: 'P-1' });
  const contacts = connection.sobject('Contact');
  const results = await contacts.upsert([
    { LegacyId__c: 'C-1', LastName: 'Child', Account: { ErpKey__c: 'P-1' } },
    { LegacyId__c: 'C-2', LastName: 'Orphan', Account: { ErpKey__c: 'none' } },
  ], 'LegacyId__c');
  assert.deepEqual(codes(results), ['ok', 'INVALID_FIELD']);
});

check('loads by Bulk API 2.0, with both kinds of results', async () => {
  const connection = await connected();
  const rows = Array.from({ length: 500 }, (_, number) => lead(`B-${number}`, number % 100 === 7 ? { Email: 'x' } : { Email: 'a@b.co' }));
  const load = (operation, input, more = {}) => connection.bulk2.loadAndWaitForResults({
    object: 'Lead', operation, input, lineEnding: 'LF', pollInterval: 20, pollTimeout: 20_000, ...more,
  });
  const first = await load('upsert', rows, { externalIdFieldName: 'External_Id__c' });
  assert.equal(first.successfulResults.length, 495);
  assert.deepEqual(first.failedResults.map((row) => row.External_Id__c).sort(), ['B-107', 'B-207', 'B-307', 'B-407', 'B-7']);
  assert.match(first.failedResults[0].sf__Error, /^INVALID_EMAIL_ADDRESS:.*:Email --$/);
  assert.equal(first.unprocessedRecords.length, 0);
  assert.ok(first.successfulResults.every((row) => row.sf__Created === 'true' && row.sf__Id.startsWith('00Q')));

  const ids = first.successfulResults.map((row) => ({ Id: row.sf__Id }));
  const updated = await load('update', ids.map((row) => ({ ...row, City: 'Rome, "the" city' })));
  assert.equal(updated.successfulResults.length, 495);
  assert.equal(updated.successfulResults[0].City, 'Rome, "the" city');
  const inserted = await load('insert', [lead('B-0'), lead('B-new')]);
  assert.match(inserted.failedResults[0].sf__Error, /^DUPLICATE_VALUE:/);
  assert.equal(inserted.successfulResults.length, 1);
  const deleted = await load('delete', ids);
  assert.equal(deleted.successfulResults.length, 495);
});

check('sees a Bulk job fail, and aborts and deletes one', async () => {
  const connection = await connected();
  const job = connection.bulk2.createJob({ object: 'Lead', operation: 'insert', lineEnding: 'LF' });
  await job.open();
  await job.uploadData('LastName,Nothing__c\nAmes,x\n');
  await job.close();
  await assert.rejects(job.poll(20, 20_000), /Field name not found : Nothing__c/);
  assert.equal((await job.check()).state, 'Failed');

  const other = connection.bulk2.createJob({ object: 'Lead', operation: 'insert', lineEnding: 'LF' });
  await other.open();
  await other.abort();
  assert.equal((await other.check()).state, 'Aborted');
  await other.delete();
  await assert.rejects(other.check(), /does not exist/);
});

check('queries, page after page', async () => {
  const connection = await connected();
  const rows = Array.from({ length: 2500 }, (_, number) => lead(`Q-${number}`, { City: 'Paris' }));
  for (let from = 0; from < rows.length; from += 200) {
    await connection.sobject('Lead').upsert(rows.slice(from, from + 200), 'External_Id__c');
  }
  const first = await connection.query("SELECT Id, External_Id__c FROM Lead WHERE City = 'Paris'");
  assert.deepEqual([first.totalSize, first.done, first.records.length], [2500, false, 2000]);
  const second = await connection.queryMore(first.nextRecordsUrl);
  assert.deepEqual([second.done, second.records.length], [true, 500]);
  const all = await connection.query("SELECT Id FROM Lead WHERE City = 'Paris'", { autoFetch: true, maxFetch: 10_000 });
  assert.equal(all.records.length, 2500);
  const found = await connection.sobject('Lead').find({ External_Id__c: 'Q-7' }, ['Id', 'LastName', 'City']).limit(2);
  assert.deepEqual(found.map((row) => [row.LastName, row.City]), [['Ames', 'Paris']]);
  await assert.rejects(connection.query('SELECT FROM Lead'), /MALFORMED_QUERY|unexpected token/);
});

let failed = 0;
for (const [name, run] of checks) {
  try {
    await run();
    console.log(`ok: jsforce ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED: jsforce ${name}\n${error.stack}`);
  }
}
process.exitCode = failed === 0 ? 0 : 1;
