-- migrate:up
ALTER TABLE avatarkit_profiles ADD COLUMN bio TEXT NOT NULL DEFAULT '';

-- migrate:down
ALTER TABLE avatarkit_profiles DROP COLUMN bio;
