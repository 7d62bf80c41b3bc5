//! job-queue
