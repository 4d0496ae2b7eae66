-- migrate:up
CREATE TABLE avatarkit_profiles (
    uuid         TEXT   NOT NULL PRIMARY KEY,
    subject      TEXT   NOT NULL UNIQUE,
    handle       TEXT   NOT NULL,
    handle_key   TEXT   NOT NULL UNIQUE, -- the handle in lower case
    display_name TEXT   NOT NULL,
    version      BIGINT NOT NULL,
    created_at   BIGINT NOT NULL,        -- instants are microseconds since 1970, UTC
    updated_at   BIGINT NOT NULL
);

-- Apart from the profile, so that posting does not change its row or its version.
CREATE TABLE avatarkit_counts (
    profile_uuid TEXT   NOT NULL PRIMARY KEY REFERENCES avatarkit_profiles (uuid) ON DELETE CASCADE,
    cruds        BIGINT NOT NULL
);

-- The greatest upload id ever shown or erased; a picture is current while it is not erased.
CREATE TABLE avatarkit_pictures (
    profile_uuid TEXT   NOT NULL REFERENCES avatarkit_profiles (uuid) ON DELETE CASCADE,
    kind         TEXT   NOT NULL,
    upload_id    TEXT   NOT NULL,
    erased       BIGINT NOT NULL,
    PRIMARY KEY (profile_uuid, kind)
);

CREATE TABLE avatarkit_activities (
    uuid         TEXT   NOT NULL PRIMARY KEY,
    profile_uuid TEXT   NOT NULL REFERENCES avatarkit_profiles (uuid) ON DELETE CASCADE,
    message      TEXT   NOT NULL,
    reply_to     TEXT   NOT NULL, -- '' for a crud of its own
    created_at   BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL  -- 9223372036854775807 for never
);
CREATE INDEX avatarkit_activities_newest ON avatarkit_activities (profile_uuid, created_at, uuid);
CREATE INDEX avatarkit_activities_expiry ON avatarkit_activities (expires_at);
CREATE INDEX avatarkit_activities_expired ON avatarkit_activities (profile_uuid, expires_at);

-- migrate:down
DROP TABLE avatarkit_activities;
DROP TABLE avatarkit_pictures;
DROP TABLE avatarkit_counts;
DROP TABLE avatarkit_profiles;
