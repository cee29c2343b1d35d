"""What the OpenAPI document says of the files that jobs wrote."""

from api.openapi_words import header, json_reply, names_behind, operation, path
from api.schema_words import BOOLEAN, COUNT, INSTANT, JOB_ID_FORM, STRING, Schema, listed, shown

ARTIFACT_SCHEMAS: dict[str, Schema] = {
    "Artifact": shown(
        {
            "object": {"const": "artifact"},
            "name": STRING,
            "bytes": COUNT,
            "etag": STRING,
            "text": BOOLEAN,
            "version": COUNT,
            "written_by": COUNT,
            "created_at": INSTANT,
            "updated_at": INSTANT,
        }
    ),
    "ArtifactList": listed("Artifact"),
}


def artifact_paths() -> Schema:
    job = path("job_id", JOB_ID_FORM)
    name = path("name", r"^[^\x00-\x1f\x7f\\]{1,512}$")
    name["description"] = "The name as it is in the list; a slash in it may be written as %2F."
    match = header("If-None-Match", "The `etag` of the copy that you have.")
    match["schema"] = {"type": "string"}
    content = {"schema": {"type": "string", "format": "binary"}}
    file = {
        "description": "The file's bytes",
        "content": {"text/plain": content, "application/octet-stream": content},
    }
    found = {"200": file, "304": {"description": "The file has not changed"}}
    at = "/v1/jobs/{job_id}/artifacts"
    several = {"200": json_reply("ArtifactList")}
    return {
        at: {"get": operation("listArtifacts", several, (404, 422, 503), [job, *names_behind()])},
        f"{at}/{{name}}": {
            "get": operation("getArtifact", found, (404, 422, 503), [job, name, match])
        },
    }
