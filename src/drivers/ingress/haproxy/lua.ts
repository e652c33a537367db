/**
 * The small part of the work that HAProxy's own rules cannot express, in the Lua that it embeds. None
 * of it runs for an ordinary request.
 */
export function luaText(options: {
  readonly holdMs: number
  readonly heldMax: number
  /** The process that HAProxy must not outlive; undefined where it cannot be watched. */
  readonly parent: { readonly pid: number; readonly startedAt: string } | undefined
}): string {
  return `local function now()
  local at = core.now()
  return at.sec * 1000 + at.usec / 1000
end

-- A request for a pool that is empty waits for its first server; all who are there wait then.
core.register_action("hold", { "http-req" }, function(txn)
  local deadline = now() + ${options.holdMs}
  if txn.f:be_conn() > ${options.heldMax} then deadline = 0 end
  while txn.f:nbsrv() < 1 do
    if now() > deadline then return end
    core.msleep(10)
  end
end)

local function decode(code)
  local character = string.char(tonumber(code, 16))
  if character:match("[%w_.~\\\\-]") then return character end
  return "%" .. code
end

-- The spelling under which a path is looked up; the request goes on as it came.
core.register_action("canonical", { "http-req" }, function(txn)
  local path = txn.f:path():gsub("%%(%x%x)", decode):gsub("\\\\", "/")
  local segments = {}
  for segment in path:gmatch("[^/]+") do
    if segment == ".." then table.remove(segments)
    elseif segment ~= "." then table.insert(segments, segment) end
  end
  txn:set_var("txn.path", "/" .. table.concat(segments, "/"))
end)

local kept = { host = 1, ["content-length"] = 1, ["keep-alive"] = 1, close = 1, upgrade = 1 }

-- Headers that Connection declares to be the connection's own go no further.
core.register_action("hop_request", { "http-req" }, function(txn)
  for _, value in pairs(txn.http:req_get_headers()["connection"] or {}) do
    for name in value:gmatch("[^,%s]+") do
      if not kept[name:lower()] then txn.http:req_del_header(name:lower()) end
    end
  end
end)
core.register_action("hop_answer", { "http-res" }, function(txn)
  for _, value in pairs(txn.http:res_get_headers()["connection"] or {}) do
    for name in value:gmatch("[^,%s]+") do
      if not kept[name:lower()] then txn.http:res_del_header(name:lower()) end
    end
  end
end)
${options.parent === undefined ? '' : watchText(options.parent)}`
}

/** Ends HAProxy with its parent: another process under the same number has another start. */
function watchText(parent: { readonly pid: number; readonly startedAt: string }): string {
  return `
-- Nobody would keep the table up to date once the ingress is gone: the port must be free for the next.
core.register_task(function()
  while true do
    core.msleep(250)
    local file = io.open("/proc/${parent.pid}/stat")
    if file == nil then os.exit(0) end
    local text = file:read("a") or ""
    file:close()
    local field = 3
    for value in text:gsub("^.*%) ", ""):gmatch("%S+") do
      if field == 22 and value ~= "${parent.startedAt}" then os.exit(0) end
      field = field + 1
    end
  end
end)
`
}
