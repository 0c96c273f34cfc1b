#include "driver/server/native_api.h"

namespace opoloop {

// Written by hand, because it promises; the test native_api_test.cpp compares every path, method, status and
// required member with what the handlers do.
const char* native_openapi() {
  return R"json({
  "openapi": "3.0.3",
  "info": {
    "title": "opoloop serve",
    "version": "1",
    "description": "Ising problems in, samples of a simulated coherent Ising machine out. E = -sum_{i<j} J_ij s_i s_j - sum h_i s_i + offset, minimised."
  },
  "security": [{"token": []}],
  "paths": {
    "/v1/jobs": {
      "get": {
        "summary": "Jobs that run, some that wait, and the latest that ended; only of a server started with --list-jobs",
        "responses": {
          "200": {"description": "At most 50 jobs", "content": {"application/json": {"schema": {"type": "object", "required": ["jobs"], "properties": {"jobs": {"type": "array", "items": {"$ref": "#/components/schemas/Job"}}}}}}},
          "401": {"$ref": "#/components/responses/Error"},
          "403": {"$ref": "#/components/responses/Error"}
        }
      },
      "post": {
        "summary": "Submit a problem",
        "description": "As JSON, or as a form: part problem (a file of any format; all but HDF5 may be gzip-compressed) and part job (JSON without the problem). The answer comes after the job is on the disk.",
        "parameters": [
          {"name": "Idempotency-Key", "in": "header", "schema": {"type": "string", "maxLength": 200}, "description": "The same key and job give the same job; so a request can be repeated."},
          {"name": "check", "in": "query", "schema": {"type": "string", "enum": ["1"]}, "description": "Only say whether the job would be taken."},
          {"name": "format", "in": "query", "schema": {"type": "string"}, "description": "Format of the problem file, where its content does not say."}
        ],
        "requestBody": {
          "required": true,
          "content": {
            "application/json": {"schema": {"$ref": "#/components/schemas/NewJob"}},
            "multipart/form-data": {
              "schema": {
                "type": "object",
                "required": ["problem"],
                "properties": {
                  "problem": {"type": "string", "format": "binary"},
                  "job": {"$ref": "#/components/schemas/JobDescription"}
                }
              }
            }
          }
        },
        "responses": {
          "200": {"description": "The job that this key stands for; or, with check=1, that the job would be taken"},
          "202": {"description": "Accepted", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Job"}}}},
          "400": {"$ref": "#/components/responses/Error"},
          "401": {"$ref": "#/components/responses/Error"},
          "409": {"$ref": "#/components/responses/Error"},
          "413": {"$ref": "#/components/responses/Error"},
          "415": {"$ref": "#/components/responses/Error"},
          "429": {"$ref": "#/components/responses/Error"},
          "503": {"$ref": "#/components/responses/Error"}
        }
      }
    },
    "/v1/jobs/{id}": {
      "parameters": [{"$ref": "#/components/parameters/id"}],
      "get": {
        "summary": "State of a job",
        "parameters": [{"name": "wait", "in": "query", "schema": {"type": "number", "minimum": 0, "maximum": 30}, "description": "Answer when the job has ended, or after so many seconds."}],
        "responses": {
          "200": {"description": "The job", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Job"}}}},
          "400": {"$ref": "#/components/responses/Error"},
          "401": {"$ref": "#/components/responses/Error"},
          "404": {"$ref": "#/components/responses/Error"}
        }
      },
      "delete": {
        "summary": "Cancel a job, which then answers with what is done; with forget=1 remove one that has ended",
        "parameters": [{"name": "forget", "in": "query", "schema": {"type": "string", "enum": ["1"]}}],
        "responses": {
          "200": {"description": "The job, or that it is forgotten"},
          "401": {"$ref": "#/components/responses/Error"},
          "404": {"$ref": "#/components/responses/Error"},
          "409": {"$ref": "#/components/responses/Error"},
          "503": {"$ref": "#/components/responses/Error"}
        }
      }
    },
    "/v1/jobs/{id}/result": {
      "parameters": [{"$ref": "#/components/parameters/id"}],
      "get": {
        "summary": "Answer of a job that is done or cancelled",
        "responses": {
          "200": {"description": "The answer", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Result"}}}},
          "401": {"$ref": "#/components/responses/Error"},
          "404": {"$ref": "#/components/responses/Error"},
          "409": {"$ref": "#/components/responses/Error"}
        }
      }
    },
    "/v1/jobs/{id}/result.h5": {
      "parameters": [{"$ref": "#/components/parameters/id"}],
      "get": {
        "summary": "The same as an HDF5 run file, with the amplitudes where log_trajectories was asked for",
        "responses": {
          "200": {"description": "Schema opoloop-run, docs/run-file.md", "content": {"application/x-hdf5": {"schema": {"type": "string", "format": "binary"}}}},
          "401": {"$ref": "#/components/responses/Error"},
          "404": {"$ref": "#/components/responses/Error"},
          "409": {"$ref": "#/components/responses/Error"},
          "503": {"$ref": "#/components/responses/Error"}
        }
      }
    },
    "/v1/jobs/{id}/events": {
      "parameters": [{"$ref": "#/components/parameters/id"}],
      "get": {
        "summary": "Progress as server-sent events: progress, and one end; on request the amplitudes of one run",
        "parameters": [{"name": "amplitudes", "in": "query", "schema": {"type": "integer", "minimum": 0, "maximum": 3}, "description": "Also sends run (an Amplitudes object without stride and rows) once this run begins, and rows ({stride, rows}: what came since the last) at most some 25 times a second. A slow reader gets fewer rows; a row whose round is no multiple of the newest stride may be left out of a picture. Devices without amplitudes send neither."}],
        "responses": {
          "200": {"description": "data: {id, state, progress, error}", "content": {"text/event-stream": {"schema": {"type": "string"}}}},
          "400": {"$ref": "#/components/responses/Error"},
          "401": {"$ref": "#/components/responses/Error"},
          "404": {"$ref": "#/components/responses/Error"}
        }
      }
    },
    "/v1/jobs/{id}/amplitudes": {
      "parameters": [{"$ref": "#/components/parameters/id"}],
      "get": {
        "summary": "Amplitudes of one run so far, thinned: at most 512 rows of 100 pulses",
        "description": "Of the first 4 runs, or as many of them as were logged. Stay for the latest jobs only, and for those with log_trajectories.",
        "parameters": [{"name": "run", "in": "query", "schema": {"type": "integer", "minimum": 0, "default": 0}}],
        "responses": {
          "200": {"description": "The picture", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Amplitudes"}}}},
          "400": {"$ref": "#/components/responses/Error"},
          "401": {"$ref": "#/components/responses/Error"},
          "404": {"$ref": "#/components/responses/Error"}
        }
      }
    },
    "/v1/queue": {
      "get": {
        "summary": "How many jobs wait and run",
        "responses": {
          "200": {"description": "Numbers only", "content": {"application/json": {"schema": {"type": "object", "required": ["queued", "running", "finished", "workers", "max_queue"]}}}},
          "401": {"$ref": "#/components/responses/Error"}
        }
      }
    },
    "/v1/devices": {
      "get": {
        "summary": "Devices on offer",
        "responses": {
          "200": {"description": "default; devices: uri, capabilities, and the data sheet of a published machine; presets: what parameters.preset takes", "content": {"application/json": {"schema": {"type": "object", "required": ["default", "devices", "presets"]}}}},
          "401": {"$ref": "#/components/responses/Error"}
        }
      }
    },
    "/v1/capabilities": {
      "get": {
        "summary": "Version, limits and problem formats",
        "responses": {
          "200": {"description": "What this server can do", "content": {"application/json": {"schema": {"type": "object", "required": ["version", "default_device", "problem_formats", "limits", "lists_jobs", "workers", "threads_per_job"]}}}},
          "401": {"$ref": "#/components/responses/Error"}
        }
      }
    },
    "/v1/openapi.json": {
      "get": {"summary": "This document", "security": [], "responses": {"200": {"description": "OpenAPI 3.0"}}}
    },
    "/metrics": {
      "get": {
        "summary": "Counters and gauges as Prometheus text",
        "responses": {
          "200": {"description": "Metrics", "content": {"text/plain": {"schema": {"type": "string"}}}},
          "401": {"$ref": "#/components/responses/Error"}
        }
      }
    },
    "/healthz": {
      "get": {
        "summary": "Whether the server can take jobs",
        "security": [],
        "responses": {
          "200": {"description": "It can", "content": {"application/json": {"schema": {"type": "object", "required": ["status"]}}}},
          "503": {"description": "The journal cannot be written: status and message"}
        }
      }
    }
  },
  "components": {
    "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
    "parameters": {"id": {"name": "id", "in": "path", "required": true, "schema": {"type": "string"}}},
    "responses": {
      "Error": {"description": "What is wrong", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}}
    },
    "schemas": {
      "Error": {
        "type": "object",
        "required": ["error"],
        "properties": {"error": {"type": "object", "required": ["code", "message"], "properties": {"code": {"type": "string"}, "message": {"type": "string"}}}}
      },
      "JobDescription": {
        "type": "object",
        "properties": {
          "device": {"type": "string", "description": "One of /v1/devices; the default where left out"},
          "label": {"type": "string", "maxLength": 200},
          "settings": {"$ref": "#/components/schemas/Settings"}
        }
      },
      "NewJob": {
        "allOf": [
          {"$ref": "#/components/schemas/JobDescription"},
          {"type": "object", "required": ["problem"], "properties": {"problem": {"$ref": "#/components/schemas/Problem"}}}
        ]
      },
      "Settings": {
        "type": "object",
        "properties": {
          "runs": {"type": "integer", "minimum": 1},
          "steps": {"type": "integer", "minimum": 1},
          "seed": {"type": "integer", "minimum": 0},
          "target_energy": {"type": "number"},
          "until_target": {"type": "boolean"},
          "time_limit_s": {"type": "number"},
          "log_trajectories": {"type": "integer", "minimum": 0},
          "log_every": {"type": "integer", "minimum": 1},
          "parameters": {"type": "object", "description": "Those of the device, as --set gives them"}
        }
      },
      "Problem": {
        "oneOf": [
          {
            "type": "object",
            "required": ["n"],
            "properties": {
              "n": {"type": "integer", "minimum": 1},
              "couplings": {"type": "array", "items": {"type": "array", "description": "[i, j, J], i and j from 0"}},
              "h": {"type": "array", "items": {"type": "number"}},
              "offset": {"type": "number"},
              "kind": {"type": "string", "enum": ["ising", "qubo", "max_cut"]},
              "name": {"type": "string"}
            }
          },
          {
            "type": "object",
            "required": ["text"],
            "properties": {"text": {"type": "string", "description": "A problem file"}, "name": {"type": "string"}, "format": {"type": "string"}}
          },
          {"type": "object", "description": "A dimod BinaryQuadraticModel, to_serializable()", "required": ["type"]}
        ]
      },
      "Job": {
        "type": "object",
        "required": ["id", "state", "device", "label", "problem", "settings", "fingerprint", "created_unix_s", "progress", "error", "links"],
        "properties": {
          "id": {"type": "string"},
          "state": {"type": "string", "enum": ["queued", "running", "done", "failed", "cancelled"]},
          "settings": {"$ref": "#/components/schemas/Settings"},
          "progress": {"type": "object", "required": ["fraction", "rate_per_s", "best_energy"]}
        }
      },
      "Amplitudes": {
        "type": "object",
        "required": ["run", "runs", "spins", "pulses", "rounds", "dt", "stride", "rows"],
        "properties": {
          "run": {"type": "integer", "description": "Number of the run that is shown"},
          "runs": {"type": "integer", "description": "Runs that can be"},
          "spins": {"type": "integer", "description": "Pulses in the loop, an ancilla among them"},
          "pulses": {"type": "array", "items": {"type": "integer"}, "description": "Indices of those shown, evenly spaced"},
          "rounds": {"type": "integer", "description": "Round trips of a run"},
          "dt": {"type": "number", "description": "Time of a round trip; 0 where it is not known"},
          "stride": {"type": "integer", "description": "Round trips between rows"},
          "rows": {"type": "array", "items": {"type": "array", "description": "[round, pump, energy, [amplitude of each pulse]]; null where not finite"}}
        }
      },
      "Result": {
        "type": "object",
        "required": ["version", "device", "parameters", "adaptations", "warnings", "steps", "runs", "timing", "interrupted", "time_limited", "samples"],
        "properties": {
          "samples": {
            "type": "array",
            "items": {
              "type": "object",
              "required": ["trajectory", "energy_final", "energy_best", "round_best", "rounds", "diverged", "spins_best", "spins_final"],
              "properties": {"spins_best": {"type": "string", "description": "A + or - a spin"}}
            }
          }
        }
      }
    }
  }
}
)json";
}

}  // namespace opoloop
