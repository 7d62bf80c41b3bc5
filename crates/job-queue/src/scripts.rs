//! The Lua scripts, each loaded once.

use std::sync::LazyLock;

use redis::Script;

macro_rules! scripts {
    ($($name:ident = $file:literal;)*) => {
        $(pub(crate) static $name: LazyLock<Script> =
            LazyLock::new(|| Script::new(include_str!(concat!("../lua/", $file))));)*
    };
}

scripts! {
    ANNOUNCE = "announce.lua";
    CHECKPOINT = "checkpoint.lua";
    CLAIM = "claim.lua";
    COUNT_CONSUMERS = "count_consumers.lua";
    CREATE_RUN = "create_run.lua";
    FAIL_RUN = "fail_run.lua";
    FINISH_FEEDING = "finish_feeding.lua";
    GIVE_BACK = "give_back.lua";
    PENDING_REJECTS = "pending_rejects.lua";
    RENEW = "renew.lua";
    RENEW_LOCK = "renew_lock.lua";
    SETTLE = "settle.lua";
    TAKE_UP = "take_up.lua";
    TRIM_REJECTS = "trim_rejects.lua";
}
