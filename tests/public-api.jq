# Prints the public API of a crate, one line for each item with its signature, from rustdoc's JSON of the crate.
#
# What the docs hide is left out, and so is what every type has by itself: auto traits and blanket implementations.

def commas: join(", ");
def wrapped($before; $after): if . == "" then "" else $before + . + $after end;

# Renders a part of a signature: {"type": …}, {"path": …}, {"args": …}, {"bounds": …}, {"params": …} and {"signature": …}.
# They refer to each other, so they are one function.
def text:
  def ty: {type: .} | text;
  def path: {path: .} | text;
  def args: {args: .} | text;
  def bounds: {bounds: .} | text;
  def params: {params: .} | text;
  def signature: {signature: .} | text;
  if has("type") then
    .type
    | if type == "string" then "_"
      elif has("resolved_path") then .resolved_path | path
      elif has("generic") then .generic
      elif has("primitive") then .primitive
      elif has("tuple") then "(" + (.tuple | map(ty) | commas) + ")"
      elif has("slice") then "[" + (.slice | ty) + "]"
      elif has("array") then "[" + (.array.type | ty) + "; " + .array.len + "]"
      elif has("impl_trait") then "impl " + (.impl_trait | bounds)
      elif has("dyn_trait") then
        "dyn " + ([.dyn_trait | (.traits[] | (.generic_params | params | wrapped("for<"; "> ")) + (.trait | path)),
          (.lifetime // empty)] | join(" + "))
      elif has("borrowed_ref") then
        .borrowed_ref
        | "&" + (.lifetime // "" | wrapped(""; " ")) + (if .is_mutable then "mut " else "" end) + (.type | ty)
      elif has("raw_pointer") then
        "*" + (if .raw_pointer.is_mutable then "mut " else "const " end) + (.raw_pointer.type | ty)
      elif has("qualified_path") then
        .qualified_path
        | (if .trait == null or .trait.path == "" then .self_type | ty
           else "<" + (.self_type | ty) + " as " + (.trait | path) + ">" end) + "::" + .name + (.args | args)
      elif has("function_pointer") then "fn" + (.function_pointer.sig | signature)
      else tojson end
  # As users name it, wherever the crate keeps it.
  elif has("path") then (.path.path | sub("^((crate|self|super)::)+([a-z0-9_]+::)*"; "")) + (.path.args | args)
  elif has("args") then
    .args
    | if . == null then ""
      elif type == "string" then "(..)"
      elif has("parenthesized") then
        .parenthesized
        | "(" + (.inputs | map(ty) | commas) + ")" + (if .output == null then "" else " -> " + (.output | ty) end)
      else
        .angle_bracketed
        | [(.args[] | if type == "string" then "_" elif has("type") then .type | ty else .lifetime // .const.expr end),
           (.constraints[] | .name + (.args | args) + (.binding
             | if has("constraint") then ": " + (.constraint | bounds)
               else " = " + (.equality | if has("type") then .type | ty else .constant.expr end) end))]
        | commas | wrapped("<"; ">")
      end
  elif has("bounds") then
    [.bounds[]
      | if has("trait_bound") then
          .trait_bound
          | (.generic_params | params | wrapped("for<"; "> ")) + (if .modifier == "maybe" then "?" else "" end)
            + (.trait | path)
        elif has("outlives") then .outlives
        else "use<" + (.use | map(.lifetime? // .param? // tostring) | commas) + ">" end]
    | join(" + ")
  elif has("params") then
    [.params[]
      | if .kind | has("lifetime") then .name + (.kind.lifetime.outlives | join(" + ") | wrapped(": "; ""))
        elif .kind | has("const") then "const " + .name + ": " + (.kind.const.type | ty)
        # `impl Trait` as the type of an argument.
        elif .kind.type.is_synthetic then empty
        else .name + (.kind.type.bounds | bounds | wrapped(": "; ""))
          + (if .kind.type.default == null then "" else " = " + (.kind.type.default | ty) end) end]
    | commas
  else
    .signature
    | "(" + ([.inputs[] | .[0] as $name | .[1] | ty
        | if $name != "self" then $name + ": " + . elif . == "Self" then "self"
          elif . == "&Self" then "&self" elif . == "&mut Self" then "&mut self" else "self: " + . end] | commas) + ")"
      + (if .output == null then "" else " -> " + (.output | ty) end)
  end;

def ty: {type: .} | text;
def bounds: {bounds: .} | text | wrapped(": "; "");
def params: {params: .params} | text | wrapped("<"; ">");
def clauses:
  [.where_predicates[]
    | if has("bound_predicate") then .bound_predicate | (.type | ty) + (.bounds | bounds)
      elif has("lifetime_predicate") then .lifetime_predicate | .lifetime + ": " + (.outlives | join(" + "))
      else tojson end]
  | commas | wrapped(" where "; "");

# ---- items

.index as $all
| def item: $all[tostring] // empty;
  def attributes: if any(.attrs[]; tostring | contains("non_exhaustive")) then "#[non_exhaustive] " else "" end;
  def function($name):
    (if .header.is_const then "const " else "" end) + (if .header.is_async then "async " else "" end)
      + (if .header.is_unsafe then "unsafe " else "" end)
      + "fn " + $name + (.generics | params) + ({signature: .sig} | text) + (.generics | clauses);
  # Their fields, when they have no names.
  def tuple: "(" + (map(if . == null then "_" else item.inner.struct_field | ty end) | commas) + ")";
  # An item and what is in it, where it is reached by the name `$path`.
  def lines($path):
    attributes as $attributes
    | def named: item | lines($path + "::" + .name);
      def implementations:
        .impls[] | item.inner.impl
        | select((.is_synthetic | not) and .blanket_impl == null)
        | if .trait == null then .items[] | named
          else "impl" + (.generics | params) + " " + (if .is_negative then "!" else "" end)
            + ({path: .trait} | text) + " for " + (.for | ty) + (.generics | clauses) end;
      .inner
      | if has("module") then "mod " + $path, (.module.items[] | item | if .inner | has("use") then lines($path) else lines($path + "::" + .name) end)
        elif has("use") then
          .use
          | if .is_glob then .id | item | .inner | (.module // .enum // empty) | (.items // .variants)[] | named
            else . as $use | ([.id // empty | item] | first) as $target
              | if $target == null or $target.crate_id != 0 then "use " + $path + "::" + $use.name + " = " + $use.source
                else $target | lines($path + "::" + $use.name) end
            end
        elif has("struct") then
          .struct
          | $attributes + "struct " + $path + (.generics | params)
              + (.kind | if type == "object" and has("tuple") then .tuple | tuple else "" end) + (.generics | clauses),
            (.kind | if type == "object" and has("plain") then .plain.fields[] | named else empty end),
            implementations
        elif has("enum") then
          .enum | $attributes + "enum " + $path + (.generics | params) + (.generics | clauses), (.variants[] | named), implementations
        elif has("variant") then
          .variant.kind
          | $attributes + "variant " + $path + (if type == "object" and has("tuple") then .tuple | tuple else "" end),
            (if type == "object" and has("struct") then .struct.fields[] | named else empty end)
        elif has("struct_field") then "field " + $path + ": " + (.struct_field | ty)
        elif has("trait") then
          .trait | "trait " + $path + (.generics | params) + (.bounds | bounds) + (.generics | clauses), (.items[] | named)
        elif has("function") then .function | function($path)
        elif has("assoc_type") then
          .assoc_type | "type " + $path + (.bounds | bounds) + (if .type == null then "" else " = " + (.type | ty) end)
        elif has("assoc_const") then "const " + $path + ": " + (.assoc_const.type | ty)
        elif has("constant") then "const " + $path + ": " + (.constant.type | ty)
        elif has("static") then "static " + $path + ": " + (.static.type | ty)
        elif has("type_alias") then .type_alias | "type " + $path + (.generics | params) + " = " + (.type | ty)
        elif has("macro") then "macro " + $path + "!"
        elif has("proc_macro") then "macro " + $path
        else (keys[0]) + " " + $path end;
  .root | item | lines(.name)
