#!/bin/sh
# OpenAI's API with curl: a whole answer, then a stream.
: "${MMM_URL:=http://127.0.0.1:8007}" "${MMM_MODEL:=llama3}" "${MMM_KEY:=none}"
for stream in false true; do
  curl -sSN "$MMM_URL/v1/chat/completions" \
    -H "Authorization: Bearer $MMM_KEY" \
    -H "Content-Type: application/json" \
    -d "{\"model\": \"$MMM_MODEL\", \"stream\": $stream, \"messages\": [{\"role\": \"user\", \"content\": \"hello\"}]}"
  echo
done
