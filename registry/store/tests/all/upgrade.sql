INSERT INTO repositories (id, name, immutable_tags, created_at) VALUES
  (1, 'p/spectro-packs/archive/x', NULL, 1), (2, 'p/profiles/x', NULL, 1);
INSERT INTO blobs (id, digest, size_bytes, object_key, created_at, released_at) VALUES
  (1, 'sha256:dac1d7cfa95021764849fd102524e141488c5e3a90f861dbb5a12d9ac8584f85', 5, 'blobs/sha256/one', 1, NULL),
  (2, 'sha256:283bb9deef02e6843abfb538efa1eca70801bd8a701c3f98191e123496339247', 4, 'blobs/sha256/two', 1, 2);
INSERT INTO repository_blobs (repository_id, blob_id, linked_at) VALUES (1, 1, 1);
INSERT INTO leases (repository_id, blob_id, expires_at) VALUES (1, 1, 4102444800000);
INSERT INTO manifests (id, repository_id, digest, media_type, artifact_type, subject,
                       size_bytes, pushed_at, annotations, body) VALUES
  (1, 1, 'sha256:7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed', 'application/vnd.oci.image.manifest.v1+json', NULL,
   'sha256:ffa63583dfa6706b87d284b86b0d693a161e4840aad2c5cf6b5d27c3b9621f7d', 3, 1, '{}', CAST('one' AS BLOB)),
  (2, 1, 'sha256:1bc04b5291c26a46d918139138b992d2de976d6851d0893b0476b85bfbdfc6e6', 'application/vnd.oci.image.index.v1+json', NULL, NULL, 5, 1, NULL, CAST('index' AS BLOB)),
  (3, 2, 'sha256:1900eab6c028483d7126599ee6f50de0d27907b5c65fa90524580b4b0f9852b0', 'application/vnd.oci.image.manifest.v1+json', NULL, NULL, 7, 1, NULL, CAST('profile' AS BLOB));
INSERT INTO manifest_blobs (manifest_id, repository_id, blob_id) VALUES (1, 1, 1);
INSERT INTO manifest_children (manifest_id, repository_id, child_id) VALUES (2, 1, 1);
INSERT INTO manifest_missing (manifest_id, repository_id, digest, is_manifest) VALUES
  (1, 1, 'sha256:ffa63583dfa6706b87d284b86b0d693a161e4840aad2c5cf6b5d27c3b9621f7d', FALSE);
INSERT INTO tags (repository_id, name, manifest_id, kind, updated_at) VALUES
  (1, '1.0.0', 1, 'pushed', 1), (1, '1.0.x', 1, 'parent', 1), (2, '1.0.0', 3, 'pushed', 1);
INSERT INTO uploads (id, repository_id, staged_key, offset_bytes, algorithm, hash_state,
                     started_at, updated_at) VALUES
  ('u', 1, 'uploads/u', 3, 'sha256', CAST('state' AS BLOB), 1, 4102444800000);
INSERT INTO packs (repository_id, version, project, name, layer, display_name, cloud_types,
                   annotations, manifest_digest, archive_digest, archive_bytes, pushed_at,
                   lint_errors, lint_warnings, findings) VALUES
  (1, '1.0.0', 'p', 'x', 'addon', 'X', '[]', '{}', 'sha256:7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed', 'sha256:dac1d7cfa95021764849fd102524e141488c5e3a90f861dbb5a12d9ac8584f85', 5, 1,
   0, 0, '[]');
INSERT INTO profiles (repository_id, version, project, name, labels, kind, cloud_type, packs,
                      manifest_digest, pushed_at, lint_errors, lint_warnings, findings, document)
VALUES (2, '1.0.0', 'p', 'x', '{}', 'cluster', 'all', '[]', 'sha256:1900eab6c028483d7126599ee6f50de0d27907b5c65fa90524580b4b0f9852b0', 1, 0, 0, '[]', 'x');
