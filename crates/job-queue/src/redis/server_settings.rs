//! Settings of the Redis server under which rows may be lost.

use crate::{Queue, QueueError, refusal::has_code};

impl Queue {
    /// What should be set differently on this Redis, one sentence each.
    ///
    /// # Errors
    ///
    /// When Redis refuses; Redis being away is waited out. A managed Redis that hides its settings gives
    /// no warnings.
    pub async fn settings_warnings(&self) -> Result<Vec<String>, QueueError> {
        let mut retry = self.retry("tell about itself");
        loop {
            match redis::cmd("INFO").query_async::<String>(&mut self.connection()).await {
                Ok(info) => return Ok(retry.succeeded(settings_warnings(&info))),
                Err(error) if has_code(&error, &["NOPERM"]) => return Ok(Vec::new()),
                Err(error) => retry.wait(error).await?,
            }
        }
    }
}

/// Reads Redis' `INFO`.
fn settings_warnings(info: &str) -> Vec<String> {
    let field = |name: &str| {
        info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
    };
    let mut warnings = Vec::new();
    if let Some(policy) = field("maxmemory_policy").filter(|policy| *policy != "noeviction") {
        warnings.push(format!(
            "redis may evict queued rows (maxmemory-policy {policy}); set `maxmemory-policy noeviction`"
        ));
    }
    if field("aof_enabled") == Some("0") {
        warnings.push(
            "redis keeps no append-only file, so a restart loses queued rows; set `appendonly yes`"
                .to_owned(),
        );
    }
    if let Some(version) = field("redis_version").filter(|version| is_too_old(version)) {
        warnings.push(format!("redis {version} is too old; 6.2 or newer is needed"));
    }
    warnings
}

fn is_too_old(version: &str) -> bool {
    let mut parts = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    (parts.next(), parts.next()) < (Some(6), Some(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redis_as_it_should_be_gives_no_warning() {
        let info = "redis_version:7.0.15\r\nmaxmemory_policy:noeviction\r\naof_enabled:1\r\n";

        assert_eq!(settings_warnings(info), Vec::<String>::new());
    }

    #[test]
    fn each_risky_setting_is_named_with_its_cure() {
        let info = "redis_version:6.0.16\r\nmaxmemory_policy:allkeys-lru\r\naof_enabled:0\r\n";

        let warnings = settings_warnings(info);

        assert_eq!(warnings.len(), 3, "{warnings:?}");
        assert!(warnings[0].contains("maxmemory-policy noeviction"));
        assert!(warnings[1].contains("appendonly yes"));
        assert!(warnings[2].contains("6.2"));
    }
}
