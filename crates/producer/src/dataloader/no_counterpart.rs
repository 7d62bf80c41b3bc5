//! What Data Loader can be told, and nothing here is told: why, and what to do instead.

/// A setting whose value changes nothing here.
pub(super) struct Told {
    key: &'static str,
    /// What it says when nothing is said.
    default: &'static str,
    pub(super) instead: &'static str,
}

/// What to do instead of a setting. `None`: it is not known here at all.
pub(super) fn instead_of(key: &str, value: &str) -> Option<Instead> {
    if is_secret(key) {
        return Some(Instead::Secret);
    }
    if let Some(told) = WITH_ADVICE.iter().find(|told| told.key == key) {
        let is_default = value.eq_ignore_ascii_case(told.default);
        return Some(if is_default { Instead::Nothing } else { Instead::Advice(told.instead) });
    }
    let is_of_its_window = OF_ITS_WINDOW.iter().any(|known| match known.strip_suffix('*') {
        Some(beginning) => key.starts_with(beginning),
        None => key == *known,
    });
    is_of_its_window.then_some(Instead::Nothing)
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Instead {
    /// It changes nothing of a load.
    Nothing,
    /// What to do, or why nothing is to be done.
    Advice(&'static str),
    /// It is named and not shown.
    Secret,
}

/// Whether a value is not for other eyes. Rather too many than too few.
fn is_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    ["password", "secret", "token", "sessionid", "encryptionkey"]
        .iter()
        .any(|word| key.contains(word))
}

const fn told(key: &'static str, default: &'static str, instead: &'static str) -> Told {
    Told { key, default, instead }
}

const WITH_ADVICE: &[Told] = &[
    told(
        "sfdc.bulkApiSerialMode",
        "false",
        "Bulk API 2.0 has no serial mode; against row locks name the parent's column in \
         BATCH_KEEP_TOGETHER",
    ),
    told("sfdc.bulkApiZipContent", "false", "requests are compressed anyway: SALESFORCE_GZIP"),
    told("sfdc.bulkApiCheckStatusInterval", "5000", "the consumer chooses when it asks"),
    told("sfdc.enableRetries", "true", "calls are tried again anyway; rows: CONSUMER_ROW_RETRIES"),
    told("sfdc.maxRetries", "3", "calls are tried again anyway; rows: CONSUMER_ROW_RETRIES"),
    told("sfdc.minRetrySleepSecs", "2", "the consumer chooses how long it waits"),
    told(
        "sfdc.formatPhoneFields",
        "false",
        "telephone numbers are stored as they stand in the file",
    ),
    told("sfdc.debugMessages", "false", "what is sent is never logged: it has the rows in it"),
    told("sfdc.debugMessagesFile", "", "what is sent is never logged: it has the rows in it"),
    told("sfdc.wireOutput", "false", "what is sent is never logged: it has the rows in it"),
    told(
        "sfdc.load.preserveWhitespaceInRichText",
        "true",
        "text is stored as it stands in the file",
    ),
    told(
        "sfdc.load.removeLeadingTrailingWhitepaceInIdLookupField",
        "true",
        "blanks around the key of a parent are no part of it",
    ),
    told("process.loadRowToStartAt", "0", "a run goes on where it stopped by itself"),
    told(
        "process.outputSuccess",
        "",
        "write ids = true into the load: then the command ids prints key and Id of each stored row",
    ),
    told(
        "process.outputError",
        "",
        "rejected rows are in rejects/RUN.csv of the container: the command rejects",
    ),
    told(
        "process.statusOutputDirectory",
        "",
        "rejected rows are in rejects/RUN.csv of the container: the command rejects",
    ),
    told("process.initialLastRunDate", "", "it is for queries of a database; see dataAccess.type"),
    told("process.enableLastRunOutput", "true", "the ledger knows all runs: the command runs"),
    told("process.lastRunOutputDirectory", "", "the ledger knows all runs: the command runs"),
    told(
        "process.keepAccountTeam",
        "false",
        "no counterpart: an account that gets another owner loses its team",
    ),
    told(
        "process.batchMode.exitWithErrorOnFailedRows",
        "false",
        "the command sync ends with code 3 when rows were rejected",
    ),
    told(
        "datefield.usegmt",
        "false",
        "dates without a time are stored as they stand in the file, in whatever zone",
    ),
    told(
        "pilot.sfdc.duplicateRule.runAsCurrentUser",
        "false",
        "no counterpart: duplicate rules see what the integration user sees",
    ),
    told(
        "pilot.sfdc.duplicateRule.includeRecordDetails",
        "false",
        "no counterpart: a reject names the rule, not the records that it found",
    ),
    told("sfdc.proxyHost", "", "set HTTPS_PROXY=http://HOST:PORT for the consumer"),
    told("sfdc.proxyPort", "", "set HTTPS_PROXY=http://HOST:PORT for the consumer"),
    told(
        "sfdc.proxyUsername",
        "",
        "set HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT for the consumer",
    ),
    told("sfdc.proxyNtlmDomain", "", "no counterpart: proxies with NTLM are not supported"),
    told("dataAccess.writeCharset", "", "files that are written are UTF-8"),
];

/// What is of Data Loader's own window, memory, connection and exports.
const OF_ITS_WINDOW: &[&str] = &[
    "config.properties.readonly",
    "dataAccess.readBatchSize",
    "dataAccess.skipTotalCount",
    "dataAccess.writeBatchSize",
    "dataAccess.writeUTF8",
    "loader.*",
    "process.bulk.*",
    "process.enableExtractStatusOutput",
    "process.name",
    "process.thread.name",
    "run.mode",
    "salesforce.config.dir",
    "salesforce.installation.*",
    "salesforce.saveAllSettings",
    "sfdc.extraction*",
    "sfdc.oauth.*",
    "sfdc.resetUrlOnLogin",
    "sfdc.reuseClientConnection",
    "sfdc.soql.maxlength",
    "sfdc.sortExtractionFields",
    "sfdc.system.*",
    "sfdc.ui.*",
    "sfdc.useLegacyHttpGet",
    "sfdc.useSysPropsForHttpClient",
    "sfdcInternal*",
    "sfdx.richtext.regex",
    "swt.*",
];
