//! generate-upload
